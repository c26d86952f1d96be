// Tells the thread sanitizer what it does not see on Linux: Swift's Mutex, when two threads want it at once, and
// libdispatch's semaphores do their work in libraries that are not instrumented. `Tests/sanitizers thread` loads this
// before the tests.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

static void annotate(const char *name, void *object) {
  void (*annotation)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, name);
  if (annotation) annotation(object);
}

// What happened before the call is seen by whoever acquires `object` afterwards.
static void release(void *object) { annotate("__tsan_release", object); }
static void acquire(void *object) { annotate("__tsan_acquire", object); }

// _MutexHandle._lockSlow(UInt32) and _unlockSlow(); the fast ways are inlined and instrumented.
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

__attribute__((swiftcall)) void minke_lock(uint32_t thread, __attribute__((swift_context)) void *handle) __asm__(LOCK);
__attribute__((swiftcall)) void minke_unlock(__attribute__((swift_context)) void *handle) __asm__(UNLOCK);

__attribute__((swiftcall)) void minke_lock(uint32_t thread, __attribute__((swift_context)) void *handle) {
  typedef __attribute__((swiftcall)) void (*function)(uint32_t, __attribute__((swift_context)) void *);
  ((function)dlsym(RTLD_NEXT, LOCK))(thread, handle);
  acquire(handle);
}

__attribute__((swiftcall)) void minke_unlock(__attribute__((swift_context)) void *handle) {
  typedef __attribute__((swiftcall)) void (*function)(__attribute__((swift_context)) void *);
  release(handle);
  ((function)dlsym(RTLD_NEXT, UNLOCK))(handle);
}

intptr_t dispatch_semaphore_signal(void *semaphore) {
  release(semaphore);
  return ((intptr_t (*)(void *))dlsym(RTLD_NEXT, "dispatch_semaphore_signal"))(semaphore);
}

intptr_t dispatch_semaphore_wait(void *semaphore, uint64_t timeout) {
  intptr_t result = ((intptr_t (*)(void *, uint64_t))dlsym(RTLD_NEXT, "dispatch_semaphore_wait"))(semaphore, timeout);
  if (result == 0) acquire(semaphore);
  return result;
}

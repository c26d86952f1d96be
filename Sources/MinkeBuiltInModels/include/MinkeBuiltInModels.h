// Holds the built-in models as resources and no code. It is a C target, for SwiftPM gives every Swift target with
// resources an accessor that links the whole of Foundation.

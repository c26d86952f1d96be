// The inner loops of Minke. Everything here works on raw pointers, allocates nothing and starts no thread.
// A family of kernels is a table of function pointers; one table exists for each level the family was written for.
#ifndef MINKE_KERNELS_H
#define MINKE_KERNELS_H

#include "backward.h"
#include "convert.h"
#include "decoder.h"
#include "gemm.h"
#include "hash.h"
#include "levels.h"
#include "matvec.h"
#include "pooling.h"
#include "scan.h"
#include "training.h"
#include "transformer.h"
#include "words.h"

#endif

// The CPU side: the kernel runs on a Machine.
#include "kernels/copy/block_copy.cuh"

// The CPU side: the kernel runs on a Machine.
#include "kernels/append/append.cuh"

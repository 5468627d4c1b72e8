// The GPU side.
#include "kernels/append/append.cuh"

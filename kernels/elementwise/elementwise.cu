// The GPU side.
#include "kernels/elementwise/elementwise.cuh"

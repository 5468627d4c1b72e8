// The GPU side.
#include "kernels/copy/block_copy.cuh"

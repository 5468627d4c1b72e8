// The GPU side.
#include "kernels/prefill/prefill_launch.cuh"

// The GPU side.
#include "kernels/mla/mla_launch.cuh"

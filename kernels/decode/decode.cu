// The GPU side.
#include "kernels/decode/decode_launch.cuh"

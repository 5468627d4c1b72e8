// The CPU side: the kernels run on a Machine.
#include "kernels/decode/decode_launch.cuh"

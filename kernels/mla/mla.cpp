// The CPU side: the kernel runs on a Machine.
#include "kernels/mla/mla_launch.cuh"

// The CPU side: the kernels run on a Machine.
#include "kernels/prefill/prefill_launch.cuh"

// The CPU side: the kernels run on a Machine.
#include "kernels/elementwise/elementwise.cuh"

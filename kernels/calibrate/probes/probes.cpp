// The CPU side.
#include "kernels/calibrate/probes/probes.cuh"

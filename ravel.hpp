// Everything: #include <ravel/ravel.hpp>.
#pragma once

#include "ravel/autograd/backward.hpp"
#include "ravel/autograd/compare.hpp"
#include "ravel/autograd/create.hpp"
#include "ravel/autograd/error.hpp"
#include "ravel/autograd/gradcheck.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/autograd/tensor.hpp"
#include "ravel/ops/arithmetic.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/reduction.hpp"
#include "ravel/ops/shape.hpp"
#include "ravel/ops/slicing.hpp"
#include "ravel/ops/indexing.hpp"

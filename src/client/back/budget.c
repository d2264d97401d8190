// SPDX-License-Identifier: MIT
#include "client/back/budget.h"

#include "base/assert.h"

void dh_budget_init(struct dh_budget *budget, size_t bytes_max,
                    struct dh_frame_account *account)
{
    *budget = (struct dh_budget){
        .bytes_max = bytes_max > 0 ? bytes_max : 1,
        .account = account,
        .expansion = DH_BUDGET_EXPANSION_ONE,
    };
}

size_t dh_budget_used(const struct dh_budget *budget)
{
    return budget->reserved_bytes + dh_frame_account_bytes(budget->account);
}

size_t dh_budget_free(const struct dh_budget *budget)
{
    size_t used = dh_budget_used(budget);
    return used < budget->bytes_max ? budget->bytes_max - used : 0;
}

// size * numerator / denominator, without overflow; SIZE_MAX when it does not fit.
static size_t scale(size_t size, size_t numerator, size_t denominator)
{
    size_t whole = size / denominator;
    if (whole > (SIZE_MAX - numerator) / numerator) {
        return SIZE_MAX;
    }
    return whole * numerator + size % denominator * numerator / denominator;
}

size_t dh_budget_offer(const struct dh_budget *budget, size_t wanted, size_t useful)
{
    size_t room =
        scale(dh_budget_free(budget), DH_BUDGET_EXPANSION_ONE, budget->expansion);
    if (room >= wanted) {
        return wanted;
    }
    if (room >= useful && room > 0) {
        return room;
    }
    if (dh_budget_used(budget) > 0) {
        return 0;
    }
    return room > 0 ? room : 1;
}

size_t dh_budget_share(const struct dh_budget *budget, size_t request_count)
{
    return scale(budget->bytes_max / request_count, DH_BUDGET_EXPANSION_ONE,
                 budget->expansion);
}

size_t dh_budget_reserve(struct dh_budget *budget, size_t request_bytes)
{
    size_t reserved_bytes =
        scale(request_bytes, budget->expansion, DH_BUDGET_EXPANSION_ONE);
    if (reserved_bytes > budget->bytes_max) {
        reserved_bytes = budget->bytes_max;
    }
    budget->reserved_bytes += reserved_bytes;
    return reserved_bytes;
}

void dh_budget_settle(struct dh_budget *budget, size_t reserved_bytes)
{
    DH_ASSERT(reserved_bytes <= budget->reserved_bytes);
    budget->reserved_bytes -= reserved_bytes;
}

bool dh_budget_admits(const struct dh_budget *budget, size_t size, size_t own_bytes)
{
    if (size <= dh_budget_free(budget)) {
        return true;
    }
    return dh_frame_account_bytes(budget->account) <= own_bytes;
}

void dh_budget_learn(struct dh_budget *budget, size_t fetched_bytes, size_t held_bytes)
{
    if (fetched_bytes == 0) {
        return;
    }
    size_t seen = scale(held_bytes, DH_BUDGET_EXPANSION_ONE, fetched_bytes);
    if (seen < DH_BUDGET_EXPANSION_ONE) {
        seen = DH_BUDGET_EXPANSION_ONE;
    } else if (seen > DH_BUDGET_EXPANSION_MAX) {
        seen = DH_BUDGET_EXPANSION_MAX;
    }
    // Up at once, down by an eighth of the way: asking for too much costs a fetch that
    // has to be made again, asking for too little only a smaller one.
    if (seen >= budget->expansion) {
        budget->expansion = (uint32_t)seen;
    } else {
        budget->expansion -= (budget->expansion - (uint32_t)seen + 7) / 8;
    }
}

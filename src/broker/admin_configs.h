// SPDX-License-Identifier: MIT
/*
 * DescribeConfigs, AlterConfigs, IncrementalAlterConfigs: the settings of topics and nodes,
 * as clients see and change them. Those of nodes are read once at start and only shown.
 */
#ifndef DH_BROKER_ADMIN_CONFIGS_H
#define DH_BROKER_ADMIN_CONFIGS_H

#include <stdbool.h>

#include "broker/request.h"
#include "broker/topic_config.h"
#include "wire/gen/create_topics.h"

// Every setting of a topic, for the answer to CreateTopics. False: no memory.
bool dh_broker_list_created_configs(struct dh_broker_request *request,
                                    const struct dh_broker_topic_config *config,
                                    struct dh_create_topics_response_topic *out);

#endif

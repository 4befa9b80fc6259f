package io.engram.app.kafka;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;

/**
 * The changelog as the brokers know it, and whether there should be one.
 *
 * @param name of the topic
 * @param id of the topic, another one when it was deleted and made again; empty when it is not there
 * @param processed true when the group has processed records of a lane, so that there has been a changelog
 */
public record ChangelogTopic(String name, Optional<String> id, boolean processed) {
    /**
     * Asks the brokers.
     *
     * @param group the application's id
     */
    public static ChangelogTopic read(Admin admin, TopicPlan plan, String group)
            throws InterruptedException, ExecutionException, TimeoutException {
        Optional<String> id = Optional.ofNullable(
                        TopicState.read(admin, List.of(plan.changelog())).get(plan.changelog()))
                .map(state -> state.id().toString());
        boolean processed = GroupOffsets.committed(admin, group).entrySet().stream()
                .filter(entry -> plan.lanes().contains(entry.getKey().topic()))
                .anyMatch(entry -> entry.getValue() != null && entry.getValue().offset() > 0);
        return new ChangelogTopic(plan.changelog(), id, processed);
    }
}

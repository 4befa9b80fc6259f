package io.engram.app.kafka;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** Topics that a test makes. */
public final class TestTopics {
    private static final Duration LIMIT = Duration.ofSeconds(30);

    private TestTopics() {}

    /** Creates them; returns when the broker knows them, which is later than the controller's answer. */
    public static void create(Admin admin, Collection<NewTopic> topics)
            throws InterruptedException, ExecutionException {
        admin.createTopics(topics).all().get();
        List<String> names = topics.stream().map(NewTopic::name).toList();
        await().atMost(LIMIT)
                .ignoreExceptionsInstanceOf(ExecutionException.class)
                .until(() -> admin.describeTopics(names)
                        .allTopicNames()
                        .get()
                        .keySet()
                        .containsAll(names));
    }

    /** Creates one that was deleted just now, as soon as the controller is done with that. */
    public static void createAgain(Admin admin, NewTopic topic) {
        await().atMost(LIMIT).ignoreExceptions().until(() -> {
            create(admin, List.of(topic));
            return true;
        });
    }
}

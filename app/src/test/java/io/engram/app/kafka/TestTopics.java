package io.engram.app.kafka;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;

/** Topics that a test makes. */
public final class TestTopics {
    private TestTopics() {}

    /** Creates them; returns when the broker knows them, which is later than the controller's answer. */
    public static void create(Admin admin, Collection<NewTopic> topics)
            throws InterruptedException, ExecutionException {
        admin.createTopics(topics).all().get();
        await().atMost(Duration.ofSeconds(30))
                .ignoreExceptionsInstanceOf(ExecutionException.class)
                .until(() ->
                        admin.describeTopics(topics.stream().map(NewTopic::name).toList())
                                        .allTopicNames()
                                        .get()
                                        .size()
                                == topics.size());
    }
}

package io.engram.app.kafka;

import io.engram.schemas.Lane;
import io.engram.schemas.Topics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Creates the topics that are missing, with explicit settings, and checks those that are there. */
public final class TopicSetup {
    private static final Logger LOG = LoggerFactory.getLogger(TopicSetup.class);
    private static final String MIB_8 = Integer.toString(8 << 20);
    private static final String MIB_9 = Integer.toString(9 << 20);
    private static final String DAYS_7 = Long.toString(7L * 24 * 60 * 60 * 1_000);

    /** The topics on the broker do not fit together. */
    public static final class TopicMismatchException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TopicMismatchException(String message) {
            super(message);
        }
    }

    private final Admin admin;
    private final Topics topics;
    private final int partitions;
    private final short replicationFactor;

    /**
     * @param partitions of topics that are created, 1 or more
     * @param replicationFactor of topics that are created, -1 for the broker's default
     */
    public TopicSetup(Admin admin, Topics topics, int partitions, short replicationFactor) {
        this.admin = admin;
        this.topics = topics;
        this.partitions = partitions;
        this.replicationFactor = replicationFactor;
    }

    /**
     * Creates and checks.
     *
     * @return the partitions of each lane
     * @throws TopicMismatchException when the lanes have different numbers of partitions, or not those asked for
     */
    public int ensure() throws InterruptedException, ExecutionException {
        create();
        List<String> names = new ArrayList<>();
        Lane.ALL.forEach(lane -> names.add(topics.observations(lane)));
        names.add(topics.rejected());
        Map<String, TopicDescription> descriptions =
                admin.describeTopics(names).allTopicNames().get();
        Map<String, Integer> counts = new LinkedHashMap<>();
        names.forEach(
                name -> counts.put(name, descriptions.get(name).partitions().size()));
        int ofRejected = counts.remove(topics.rejected());
        names.remove(topics.rejected());
        if (Set.copyOf(counts.values()).size() > 1) {
            throw new TopicMismatchException("the lanes must have equal numbers of partitions, found "
                    + counts
                    + "; a space's records on all lanes belong to one task. Recreate the smaller ones");
        }
        int found = counts.values().iterator().next();
        if (found != partitions) {
            throw new TopicMismatchException(
                    "partitions=" + partitions + ", but the lanes have " + found + ": set partitions=" + found
                            + " (adding partitions to a lane would send spaces elsewhere, away from their memories)");
        }
        if (ofRejected != found) {
            throw new TopicMismatchException("topic " + topics.rejected() + " has " + ofRejected
                    + " partitions, but the lanes have " + found
                    + ": redelivery needs as many, so that a space's records stay together. Recreate it");
        }
        checkSettings(names);
        return found;
    }

    /** Topics that somebody else made may have settings under which records are lost or urgency can be bought. */
    private void checkSettings(List<String> names) throws InterruptedException, ExecutionException {
        List<ConfigResource> resources = names.stream()
                .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name))
                .toList();
        Map<ConfigResource, Config> settings =
                admin.describeConfigs(resources).all().get();
        for (ConfigResource resource : resources) {
            Config config = settings.get(resource);
            if (config.get("cleanup.policy").value().contains("compact")) {
                throw new TopicMismatchException("topic " + resource.name()
                        + " is compacted, which would lose observations; set cleanup.policy=delete");
            }
            warnUnless(resource.name(), config, "message.timestamp.type", "LogAppendTime");
            if (Long.parseLong(config.get("max.message.bytes").value()) < Long.parseLong(MIB_8)) {
                warnUnless(resource.name(), config, "max.message.bytes", MIB_8);
            }
        }
    }

    private static void warnUnless(String topic, Config config, String key, String wanted) {
        String value = config.get(key).value();
        if (!value.equals(wanted)) {
            LOG.warn(
                    "Topic {} has {}={}, expected {}; change it with kafka-configs --alter", topic, key, value, wanted);
        }
    }

    private void create() throws InterruptedException, ExecutionException {
        Set<String> existing = admin.listTopics().names().get();
        List<NewTopic> missing = wanted().stream()
                .filter(topic -> !existing.contains(topic.name()))
                .toList();
        for (Map.Entry<String, KafkaFuture<Void>> created :
                admin.createTopics(missing).values().entrySet()) {
            try {
                created.getValue().get();
                LOG.info("Created topic {} with {} partitions", created.getKey(), partitions);
            } catch (ExecutionException e) {
                if (!(e.getCause() instanceof TopicExistsException)) {
                    throw e;
                }
                LOG.debug("Another instance created {}", created.getKey());
            }
        }
    }

    private List<NewTopic> wanted() {
        List<NewTopic> wanted = new ArrayList<>();
        for (Lane lane : Lane.ALL) {
            // The broker's clock decides about urgency, not the client's.
            wanted.add(topic(
                    topics.observations(lane),
                    Map.of(
                            "cleanup.policy",
                            "delete",
                            "retention.ms",
                            DAYS_7,
                            "message.timestamp.type",
                            "LogAppendTime",
                            "max.message.bytes",
                            MIB_8)));
        }
        // Larger than a lane's, because of the headers that a rejection adds.
        wanted.add(topic(
                topics.rejected(),
                Map.of("cleanup.policy", "delete", "retention.ms", DAYS_7, "max.message.bytes", MIB_9)));
        wanted.add(topic(topics.sessions(), Map.of("cleanup.policy", "compact")));
        wanted.add(topic(topics.backpressure(), Map.of("cleanup.policy", "compact")));
        return wanted;
    }

    private NewTopic topic(String name, Map<String, String> settings) {
        Optional<Short> replicas = replicationFactor < 1 ? Optional.empty() : Optional.of(replicationFactor);
        return new NewTopic(name, Optional.of(partitions), replicas).configs(settings);
    }
}

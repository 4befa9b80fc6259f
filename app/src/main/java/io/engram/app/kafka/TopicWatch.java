package io.engram.app.kafka;

import io.engram.app.kafka.TopicProblem.Kind;
import io.engram.topology.TopologyRuntime;
import io.engram.topology.progress.ReadAgain;
import io.engram.topology.supervision.Supervisor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at the topics every few seconds: whether they are still those that the instance started with, whether they still
 * fit, and how large a record they take. What is found is logged once, and told to readiness and metrics. Thread-safe.
 */
public final class TopicWatch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TopicWatch.class);
    private static final long SHOWN_NANOS = TimeUnit.HOURS.toNanos(1);

    private record Event(TopicProblem problem, long atNanos) {}

    private final Admin admin;
    private final TopicPlan plan;
    private final TopologyRuntime runtime;
    private final Map<String, TopicState> known = new HashMap<>();
    // What happened, and is told for a while.
    private final List<Event> events = new ArrayList<>();
    private final OffsetsSetForward forward;
    private final Supervisor supervisor;
    private final Consumer<Set<String>> lanesMadeAgain;
    // Of which nobody was told yet.
    private final Set<String> madeAgain = new TreeSet<>();
    private volatile Optional<Supervisor.Supervised> watching = Optional.empty();
    private volatile List<TopicProblem> problems = List.of();

    /**
     * @param group the application's id
     * @param consumerSettings of a Kafka consumer that reads what is committed
     * @param lanesMadeAgain is told of lanes that were made again, once they are as they have to be: nobody goes on with
     *     them by itself
     */
    public TopicWatch(
            Admin admin,
            TopicPlan plan,
            String group,
            Map<String, Object> consumerSettings,
            TopologyRuntime runtime,
            Supervisor supervisor,
            Consumer<Set<String>> lanesMadeAgain) {
        this.lanesMadeAgain = lanesMadeAgain;
        this.admin = admin;
        this.forward = new OffsetsSetForward(consumerSettings, plan.topics(), group, runtime.lanes());
        this.supervisor = supervisor;
        this.plan = plan;
        this.runtime = runtime;
    }

    /** Starts to watch; the topics exist, and nothing is processed yet. */
    public void start(long intervalMs) throws InterruptedException {
        forward.ask(admin, plan.lanes());
        watching = Optional.of(supervisor.every("engram-topic-watch", 0, intervalMs, this::look));
    }

    /** What is wrong, as of the last look. */
    public List<TopicProblem> problems() {
        return problems;
    }

    /** True while one of them keeps records from being processed. */
    public boolean stopsProcessing() {
        return problems.stream().anyMatch(TopicProblem::stopsProcessing);
    }

    /** How many topics have each kind of problem; every kind is there. */
    public Map<String, Integer> counts() {
        Map<String, Integer> counts = new TreeMap<>();
        for (Kind kind : Kind.values()) {
            counts.put(kind.label(), 0);
        }
        problems.forEach(problem -> counts.merge(problem.kind().label(), 1, Integer::sum));
        return counts;
    }

    private void look() {
        try {
            Map<String, TopicState> now = TopicState.read(admin, plan.names());
            List<TopicProblem> found = new ArrayList<>();
            compare(now, found);
            TopicChecks checks = new TopicChecks(plan, now);
            checks.apply(runtime.writeLimits());
            check(checks::checkPartitions, Kind.PARTITIONS, found);
            check(checks::checkSettings, Kind.SETTINGS, found);
            checks.losing().forEach(text -> found.add(new TopicProblem(Kind.SETTINGS, "", text)));
            long nanos = System.nanoTime();
            forward.look().forEach(problem -> events.add(new Event(problem, nanos)));
            events.removeIf(event -> nanos - event.atNanos() > SHOWN_NANOS);
            events.forEach(event -> found.add(event.problem()));
            offsets(found);
            publish(found);
            if (!madeAgain.isEmpty() && found.stream().noneMatch(TopicProblem::stopsProcessing)) {
                lanesMadeAgain.accept(Set.copyOf(madeAgain));
                madeAgain.clear();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException | RuntimeException e) {
            LOG.debug("Could not look at the topics; trying again", e);
        }
    }

    private void compare(Map<String, TopicState> now, List<TopicProblem> found) {
        for (String name : plan.names()) {
            TopicState before = known.get(name);
            TopicState is = now.get(name);
            if (is == null) {
                if (before != null) {
                    found.add(new TopicProblem(Kind.MISSING, name, "topic " + name + " is not there any more"));
                }
                continue;
            }
            if (before != null && !before.id().equals(is.id())) {
                events.add(new Event(new TopicProblem(Kind.MADE_AGAIN, name, consequence(name)), System.nanoTime()));
                if (plan.lanes().contains(name)) {
                    madeAgain.add(name);
                }
            }
            known.put(name, is);
        }
    }

    private String consequence(String name) {
        String what = "topic " + name + " was deleted and made again: ";
        if (plan.changelogs().contains(name)) {
            return what
                    + "what it held is only in state.dir of the instances now, which end at once to keep it."
                    + " Start no instance with an empty state.dir; the runbook says at EngramTopicsChanged how to go on";
        }
        if (name.equals(plan.topics().rejected())) {
            return what + "what was shed and had not come back is gone, and has to be sent again; no memory is";
        }
        return plan.lanes().contains(name)
                ? what + "what it held and was not processed is gone, and has to be sent again; no memory is"
                : what + "it fills again by itself";
    }

    private static void check(Runnable check, Kind kind, List<TopicProblem> found) {
        try {
            check.run();
        } catch (TopicSetup.TopicMismatchException e) {
            found.add(new TopicProblem(kind, "", e.getMessage()));
        }
    }

    private void offsets(List<TopicProblem> found) {
        Map<String, ReadAgain.Found> byLane = new LinkedHashMap<>();
        runtime.readAgain()
                .recent()
                .forEach(entry -> byLane.putIfAbsent(
                        plan.topics().observations(entry.partition().lane()), entry));
        byLane.forEach((topic, entry) -> found.add(new TopicProblem(
                Kind.OFFSETS,
                topic,
                "topic " + topic + " is read again from offset " + entry.offset() + " of partition "
                        + entry.partition().partition() + ", although it was processed up to " + entry.processed())));
    }

    private void publish(List<TopicProblem> found) {
        List<TopicProblem> before = problems;
        problems = List.copyOf(found);
        found.stream()
                // Those are logged when they are found.
                .filter(problem -> problem.kind() != Kind.OFFSETS)
                .filter(problem -> !before.contains(problem))
                .forEach(problem -> LOG.error("{}", problem.text()));
        if (found.isEmpty() && !before.isEmpty()) {
            LOG.info("All topics are as they have to be");
        }
    }

    @Override
    public void close() {
        watching.ifPresent(Supervisor.Supervised::close);
    }
}

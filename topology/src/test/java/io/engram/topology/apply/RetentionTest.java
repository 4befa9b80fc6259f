package io.engram.topology.apply;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import io.engram.schemas.SpaceSettings;
import io.engram.topology.TestEngines;
import io.engram.topology.TopologyFixture;
import io.engram.topology.format.DefaultsReview;
import io.engram.topology.format.RetentionState;
import io.engram.topology.metrics.EngramMetrics;
import io.engram.topology.store.CountingStore;
import io.engram.topology.store.MemoryStore;
import io.engram.topology.store.RetentionConfig;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetentionTest {
    private static final String SPACE = "space-1";

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private long sequence;

    private void start(RetentionConfig defaults) {
        topology = new TopologyFixture(stateDir, config -> config.withRetention(defaults), TestEngines.create());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private void observe(String id) {
        sequence++;
        topology.send(
                SPACE,
                Observation.observe("s", sequence, "content " + sequence, new float[] {1, sequence})
                        .withId(id));
    }

    private void configure(OptionalLong ttlMs, OptionalLong maxMemories) {
        topology.send(SPACE, Observation.configure("s", ++sequence, SpaceSettings.ofRetention(ttlMs, maxMemories)));
    }

    /** What is stored, whatever queries may see. */
    private List<String> stored() {
        List<String> ids = new ArrayList<>();
        topology.store().memoriesAfter(SPACE, java.util.Optional.empty(), 1_000_000).memories().stream()
                .map(memory -> memory.id())
                .sorted()
                .forEach(ids::add);
        return ids;
    }

    private double expired(String cause) {
        return topology.metric("engram_streaming_memories_expired_total", "memory_space", SPACE, "cause", cause);
    }

    @Test
    void shouldForgetTheOldestBeyondTheMaximum() {
        start(new RetentionConfig(0, 3));
        for (int i = 1; i <= 10; i++) {
            observe("m" + i);
            topology.advance(Duration.ofMillis(100));
        }
        topology.settle();

        assertThat(stored()).containsExactly("m10", "m8", "m9");
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 10)).containsExactlyInAnyOrder("m8", "m9", "m10");
        assertThat(expired("max_memories")).isEqualTo(7);
        assertThat(topology.store().retention().timesAfter(SPACE, java.util.Optional.empty(), 100))
                .as("keys in order of time")
                .hasSize(3);
    }

    @Test
    void shouldHideAtOnceAndForgetSoonWhatIsTooOld() {
        start(new RetentionConfig(60_000, 0));
        observe("old");
        topology.advance(Duration.ofSeconds(30));
        observe("young");
        topology.settle();
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 10)).containsExactlyInAnyOrder("old", "young");

        topology.advance(Duration.ofSeconds(30));
        topology.settle();

        assertThat(topology.store().view().memory(SPACE, "old")).isEmpty();
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 10)).containsExactly("young");
        assertThat(stored()).containsExactly("young");
        assertThat(expired("ttl")).isEqualTo(1);
    }

    @Test
    void shouldNotBelieveAMachineWhoseClockIsAhead() {
        start(new RetentionConfig(30 * 60_000, 0));
        observe("young");
        topology.setClock(Duration.ofHours(2));
        topology.settle();
        topology.advance(Duration.ofMinutes(20));

        assertThat(stored()).containsExactly("young");
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 10)).containsExactly("young");

        topology.advance(Duration.ofMinutes(10));
        assertThat(stored()).as("its time has come").isEmpty();
    }

    @Test
    void shouldDeleteNothingWhileTheBrokersTimeIsUnknown() {
        start(new RetentionConfig(120_000, 0));
        observe("m");
        topology.settle();
        topology.brokerAnswers(false);
        topology.advance(Duration.ofMinutes(10));

        assertThat(stored()).containsExactly("m");
        assertThat(topology.recallIds(SPACE, new float[] {1, 1}, 10)).containsExactly("m");

        topology.brokerAnswers(true);
        topology.advance(Duration.ofSeconds(1));
        assertThat(stored()).isEmpty();
    }

    @Test
    void shouldGoOnWhenTheClockOfTheMachineIsSetBack() {
        start(new RetentionConfig(60_000, 0));
        observe("m");
        topology.settle();
        topology.setClock(Duration.ofHours(-2));
        topology.advance(Duration.ofMinutes(2));
        assertThat(stored()).isEmpty();
    }

    @Test
    void shouldCountFromTheReplacement() {
        start(new RetentionConfig(60_000, 2));
        observe("a");
        topology.advance(Duration.ofSeconds(1));
        observe("b");
        topology.advance(Duration.ofSeconds(1));
        observe("a");
        topology.advance(Duration.ofSeconds(1));
        observe("c");
        topology.settle();

        assertThat(stored()).as("b is the oldest now").containsExactly("a", "c");
        topology.advance(Duration.ofMillis(58_500));
        assertThat(stored()).containsExactly("a", "c");
        topology.advance(Duration.ofSeconds(1));
        assertThat(stored()).containsExactly("c");
    }

    @Test
    void shouldLimitASpaceThatIsThereAlready() {
        start(RetentionConfig.NONE);
        for (int i = 0; i < 500; i++) {
            observe("m" + i);
        }
        topology.settle();
        topology.advance(Duration.ofSeconds(5));

        configure(OptionalLong.empty(), OptionalLong.of(200));
        for (int i = 500; i < 520; i++) {
            observe("m" + i);
        }
        topology.settle();
        topology.advance(Duration.ofSeconds(5));
        topology.settle();

        assertThat(stored()).hasSize(200).contains("m519", "m500");
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(200);

        configure(OptionalLong.empty(), OptionalLong.of(SpaceSettings.DEFAULT));
        for (int i = 520; i < 600; i++) {
            observe("m" + i);
        }
        topology.advance(Duration.ofSeconds(2));
        assertThat(stored()).as("no limit any more").hasSize(280);
        configure(OptionalLong.empty(), OptionalLong.of(250));
        topology.advance(Duration.ofSeconds(2));
        assertThat(stored()).as("the count went on").hasSize(250);
    }

    @Test
    void shouldNotCountWhatClientsForgot() {
        start(new RetentionConfig(0, 3));
        observe("a");
        observe("b");
        observe("c");
        topology.send(SPACE, Observation.forget("s", ++sequence, "c"));
        topology.advance(Duration.ofMillis(100));
        observe("d");
        topology.settle();

        assertThat(stored()).containsExactly("a", "b", "d");
    }

    @Test
    void shouldBeginAnewAfterADrop() {
        start(new RetentionConfig(0, 5));
        for (int i = 0; i < 5; i++) {
            observe("old" + i);
        }
        topology.advance(Duration.ofMillis(500));
        topology.send(SPACE, Observation.of(Operation.DROP, "s", ++sequence));
        for (int i = 0; i < 5; i++) {
            topology.advance(Duration.ofMillis(10));
            observe("new" + i);
        }
        topology.advance(Duration.ofSeconds(3));
        topology.settle();

        assertThat(stored()).containsExactly("new0", "new1", "new2", "new3", "new4");
        observe("new5");
        topology.advance(Duration.ofSeconds(1));
        assertThat(stored()).containsExactly("new1", "new2", "new3", "new4", "new5");
    }

    @Test
    void shouldPreferTheSpacesOwnSettings() {
        start(new RetentionConfig(1_000, 1));
        configure(OptionalLong.of(0), OptionalLong.of(0));
        observe("a");
        observe("b");
        topology.advance(Duration.ofSeconds(5));

        assertThat(stored()).containsExactly("a", "b");
        topology.sendRaw(
                Lane.NORMAL,
                java.util.Optional.of(SPACE.getBytes(java.nio.charset.StandardCharsets.UTF_8)),
                java.util.Optional.of(("{\"op\":\"configure\",\"session\":\"s\",\"sequence\":" + ++sequence
                                + ",\"settings\":{\"ttl_ms\":-5}}")
                        .getBytes(java.nio.charset.StandardCharsets.UTF_8)),
                java.util.Map.of());
        assertThat(topology.rejections().get(0).detail()).contains("settings.ttl_ms", "-5");
    }

    @Test
    void shouldTakeSettingsAwayWithTheirSpace() {
        start(RetentionConfig.NONE);
        configure(OptionalLong.of(60_000), OptionalLong.of(1));
        observe("old");
        topology.advance(Duration.ofMillis(500));
        topology.send(SPACE, Observation.of(Operation.DROP, "s", ++sequence));
        topology.advance(Duration.ofMillis(500));

        observe("a");
        observe("b");
        topology.advance(Duration.ofSeconds(90));

        assertThat(topology.store().space(SPACE).hasRetention()).isFalse();
        assertThat(stored()).containsExactly("a", "b");
    }

    @Test
    void shouldKeepSettingsThatOvertookADropOnAnotherLane() {
        start(RetentionConfig.NONE);
        observe("old");
        Instant dropped = TopologyFixture.START.plusSeconds(1);
        Instant configured = TopologyFixture.START.plusSeconds(2);
        topology.sendAt(
                Lane.HIGH,
                SPACE,
                Observation.configure("s", 1, SpaceSettings.ofRetention(OptionalLong.empty(), OptionalLong.of(1))),
                configured);
        topology.sendAt(Lane.LOW, SPACE, Observation.of(Operation.DROP, "s", 1), dropped);
        topology.advance(Duration.ofSeconds(5));

        observe("a");
        topology.advance(Duration.ofMillis(10));
        observe("b");
        topology.advance(Duration.ofSeconds(1));

        assertThat(stored()).containsExactly("b");
    }

    @Test
    void shouldLetTheNewestSettingWinWhateverTheLane() {
        start(RetentionConfig.NONE);
        topology.sendAt(
                Lane.HIGH,
                SPACE,
                Observation.configure("s", 1, SpaceSettings.ofRetention(OptionalLong.empty(), OptionalLong.of(7))),
                TopologyFixture.START.plusSeconds(2));
        topology.sendAt(
                Lane.LOW,
                SPACE,
                Observation.configure("s", 1, SpaceSettings.ofRetention(OptionalLong.of(50), OptionalLong.of(3))),
                TopologyFixture.START.plusSeconds(1));

        assertThat(topology.store().space(SPACE).maxMemories()).hasValue(7);
        assertThat(topology.store().space(SPACE).ttlMs())
                .as("nobody set it later")
                .hasValue(50);
    }

    private static Observation maximum(String session, long sequence, long max) {
        return Observation.configure(
                session, sequence, SpaceSettings.ofRetention(OptionalLong.empty(), OptionalLong.of(max)));
    }

    /** Nobody knows what time it is, and a maximum of 7 comes at a time that has not come yet: that time. */
    private Instant configuredByAClockThatIsAhead() {
        start(RetentionConfig.NONE);
        topology.brokerAnswers(false);
        topology.advance(Duration.ofMinutes(2));
        Instant ahead = TopologyFixture.START.plus(Duration.ofMinutes(59));
        topology.sendAt(Lane.NORMAL, SPACE, maximum("s", 1, 7), ahead);
        return ahead;
    }

    @Test
    void shouldNotBeHeldToASettingFromAClockThatWasAhead() {
        Instant ahead = configuredByAClockThatIsAhead();
        topology.send(Lane.NORMAL, SPACE, maximum("s", 2, 8));
        assertThat(topology.store().space(SPACE).maxMemories())
                .as("the order of a lane is its order")
                .hasValue(8);

        topology.sendAt(Lane.NORMAL, SPACE, maximum("s", 3, 9), ahead);
        topology.brokerAnswers(true);
        topology.send(Lane.HIGH, SPACE, maximum("s", 1, 10));
        assertThat(topology.store().space(SPACE).maxMemories())
                .as("of now, on another lane")
                .hasValue(10);
    }

    @Test
    void shouldDropWhatCameFromAClockThatWasAhead() {
        Instant ahead = configuredByAClockThatIsAhead();
        topology.sendAt(
                Lane.NORMAL,
                SPACE,
                Observation.observe("s", 2, "from the future", new float[] {1, 2})
                        .withId("old"),
                ahead);
        topology.settle();
        topology.brokerAnswers(true);
        topology.send(Lane.HIGH, SPACE, Observation.of(Operation.DROP, "s", 1));
        assertThat(topology.store().space(SPACE).hasRetention()).isFalse();
        assertThat(topology.store().memory(SPACE, "old")).isEmpty();
        topology.advance(Duration.ofSeconds(5));
        assertThat(stored()).isEmpty();
    }

    @Test
    void shouldKeepTheOrderOfALaneWhenTheClockOfItsBrokerIsSetBack() {
        start(RetentionConfig.NONE);
        topology.advance(Duration.ofSeconds(30));
        Instant before = TopologyFixture.START.plusSeconds(20);
        topology.send(
                SPACE, Observation.observe("s", 1, "before", new float[] {1, 2}).withId("old"));
        topology.sendAt(Lane.NORMAL, SPACE, Observation.of(Operation.DROP, "s", 2), before);
        assertThat(topology.store().memory(SPACE, "old")).as("dropped").isEmpty();
        topology.send(SPACE, Observation.of(Operation.DROP, "s", 3));
        topology.sendAt(Lane.NORMAL, SPACE, maximum("s", 4, 5), before);
        topology.sendAt(
                Lane.NORMAL,
                SPACE,
                Observation.observe("s", 5, "after", new float[] {1, 2}).withId("new"),
                before);
        topology.settle();
        assertThat(topology.store().space(SPACE).maxMemories()).hasValue(5);
        assertThat(stored()).containsExactly("new");
    }

    /** Nothing but what is stored, as another instance has it that takes the partition over. */
    private Retention another(RetentionConfig defaults) {
        return new Retention(topology.store(), defaults, new EngramMetrics(new PrometheusRegistry(), 0));
    }

    private void tick(Retention retention, int times) {
        for (int i = 0; i < times; i++) {
            retention.tick(topology.runtime().brokerClock().nowMs());
        }
    }

    private RetentionState state() {
        return topology.store().retention().state(SPACE).orElseThrow();
    }

    @Test
    void shouldGoOnWithWhatAnotherInstanceLeft() {
        start(RetentionConfig.NONE);
        for (int i = 0; i < 350; i++) {
            observe("m" + i);
        }
        topology.settle();
        configure(OptionalLong.empty(), OptionalLong.of(120));
        assertThat(stored()).hasSize(350);

        tick(another(RetentionConfig.NONE), 100);

        assertThat(stored()).hasSize(120);
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(120);
        assertThat(state().isQueued()).as("there is nothing to do").isFalse();
    }

    @Test
    void shouldForgetInTimeWhatAnotherInstanceTook() {
        start(new RetentionConfig(60_000, 0));
        observe("a");
        topology.settle();
        Retention another = another(new RetentionConfig(60_000, 0));
        tick(another, 3);
        assertThat(stored()).containsExactly("a");

        another.tick(OptionalLong.of(TopologyFixture.START.toEpochMilli() + 120_000));
        assertThat(stored()).isEmpty();
    }

    @Test
    void shouldFollowATimeToLiveThatBecomesShorterOrLonger() {
        start(new RetentionConfig(3_600_000, 0));
        observe("a");
        topology.advance(Duration.ofSeconds(10));
        configure(OptionalLong.of(60_000), OptionalLong.empty());
        topology.advance(Duration.ofSeconds(1));
        configure(OptionalLong.of(90_000), OptionalLong.empty());
        topology.advance(Duration.ofSeconds(60));
        assertThat(stored()).as("longer again").containsExactly("a");
        topology.advance(Duration.ofSeconds(20));
        assertThat(stored()).isEmpty();

        observe("b");
        configure(OptionalLong.of(0), OptionalLong.empty());
        topology.leap(Duration.ofHours(2));
        topology.advance(Duration.ofSeconds(1));
        assertThat(stored()).as("for ever").containsExactly("b");
        assertThat(state().expiryAtMs()).isEqualTo(RetentionState.NEVER);
        configure(OptionalLong.of(SpaceSettings.DEFAULT), OptionalLong.empty());
        topology.advance(Duration.ofSeconds(1));
        assertThat(stored()).as("an hour, as configured").isEmpty();
    }

    @Test
    void shouldFollowOtherDefaultsOnce() {
        start(RetentionConfig.NONE);
        for (int i = 0; i < 250; i++) {
            topology.send("s" + i, Observation.observe("s", 1, "c", new float[] {1, i}));
        }
        topology.send(
                "s7", Observation.configure("s", 2, SpaceSettings.ofRetention(OptionalLong.of(0), OptionalLong.of(0))));
        topology.settle();
        topology.advance(Duration.ofSeconds(5));
        RetentionConfig others = new RetentionConfig(1_000, 0);

        tick(another(others), 1);
        assertThat(topology.store().retention().review().isOpen())
                .as("a few each tick")
                .isTrue();
        Retention restarted = another(others);
        tick(restarted, 20);

        assertThat(topology.store().retention().review())
                .isEqualTo(new DefaultsReview(1_000, 0, false, Optional.empty()));
        for (int i = 0; i < 250; i++) {
            assertThat(topology.store().isEmpty("s" + i)).as("s" + i).isEqualTo(i != 7);
        }
        CountingStore reads = CountingStore.in(topology.store());
        tick(restarted, 5);
        assertThat(reads.takeReads()).isZero();
    }

    @Test
    void shouldLimitASpaceThatIsWrittenToBeforeItIsReviewed() {
        start(RetentionConfig.NONE);
        for (int i = 0; i < 50; i++) {
            observe("m" + i);
        }
        topology.settle();
        RetentionConfig others = new RetentionConfig(0, 10);
        Retention another = another(others);
        observe("new");
        another.remembered(
                SPACE,
                new MemoryStore.TimedMemory(TopologyFixture.START.toEpochMilli(), "new"),
                Optional.empty(),
                TopologyFixture.START.toEpochMilli());
        tick(another, 20);

        assertThat(stored()).hasSize(10);
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(10);
    }

    /** Whatever clients do, the size is that of the memories, and each memory has one key in order of time. */
    @Test
    void shouldCountExactly() {
        start(RetentionConfig.NONE);
        Random random = new Random(21);
        for (int i = 0; i < 3_000; i++) {
            int what = random.nextInt(100);
            if (what < 70) {
                observe("m" + random.nextInt(60));
            } else if (what < 90) {
                topology.send(SPACE, Observation.forget("s", ++sequence, "m" + random.nextInt(60)));
            } else if (what < 95) {
                topology.advance(Duration.ofMillis(random.nextInt(4_000)));
            } else if (what < 98) {
                configure(OptionalLong.of(random.nextInt(3) * 4_000L), OptionalLong.of(random.nextInt(4) * 15L));
            } else if (what == 98) {
                topology.send(SPACE, Observation.of(Operation.DROP, "s", ++sequence));
            }
        }
        configure(OptionalLong.of(0), OptionalLong.of(30));
        topology.advance(Duration.ofSeconds(5));
        topology.settle();

        List<String> stored = stored();
        assertThat(stored).hasSizeLessThanOrEqualTo(30).isNotEmpty();
        assertThat(topology.store().size(SPACE).memories()).isEqualTo(stored.size());
        assertThat(topology.store().retention().timesAfter(SPACE, Optional.empty(), 1_000))
                .extracting(MemoryStore.TimedMemory::id)
                .containsExactlyInAnyOrderElementsOf(stored);
        assertThat(topology.rejections()).isEmpty();
    }
}

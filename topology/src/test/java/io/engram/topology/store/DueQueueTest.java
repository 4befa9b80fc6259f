package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.topology.TopologyFixture;
import io.engram.topology.format.DueKind;
import io.engram.topology.store.DueQueue.Due;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DueQueueTest {
    private static final byte[] VALUE = {7};

    @TempDir
    Path stateDir;

    private TopologyFixture topology;
    private CountingStore reads;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
        reads = CountingStore.in(topology.store());
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    private DueQueue queue(DueKind kind) {
        return topology.store().due(kind);
    }

    private static List<String> spaces(List<Due> due) {
        return due.stream().map(Due::subject).toList();
    }

    @Test
    void shouldHandOutWhatIsDueTheEarliestFirst() {
        DueQueue queue = queue(DueKind.EXPIRY);
        queue.put(30, "c", VALUE);
        queue.put(10, "b", VALUE);
        queue.put(10, "a", VALUE);
        queue.put(31, "d", VALUE);
        queue(DueKind.DROP).put(1, "of another kind", VALUE);

        assertThat(queue.until(30, 2)).extracting(Due::time).containsExactly(10L, 10L);
        assertThat(spaces(queue.until(30, 10))).containsExactly("a", "b", "c");
        queue.until(30, 10).forEach(queue::done);

        assertThat(queue.until(30, 10)).isEmpty();
        assertThat(spaces(queue.until(31, 10))).containsExactly("d");
    }

    @Test
    void shouldReadNothingWhileNothingIsDue() {
        DueQueue queue = queue(DueKind.EXPIRY);
        for (int i = 0; i < 1_000; i++) {
            queue.put(1_000 + i, "s" + i, VALUE);
        }
        queue.until(500, 10);
        reads.takeReads();

        for (long time = 501; time < 1_000; time++) {
            assertThat(queue.until(time, 10)).isEmpty();
        }
        assertThat(reads.takeReads()).isZero();

        queue.put(999, "early", VALUE);
        assertThat(spaces(queue.until(999, 10))).containsExactly("early");
    }

    @Test
    void shouldHandOutWhatIsPutBeforeWhatIsHandedOut() {
        DueQueue queue = queue(DueKind.EXPIRY);
        queue.put(10, "a", VALUE);
        queue.put(20, "b", VALUE);
        List<Due> due = queue.until(20, 10);
        queue.done(due.get(0));
        assertThat(queue.put(15, "late", VALUE)).isEqualTo(20);
        assertThat(queue.put(1, "a", VALUE)).as("sorts before b").isEqualTo(21);
        queue.done(due.get(1));

        assertThat(spaces(queue.until(21, 10))).containsExactly("late", "a");
    }

    @Test
    void shouldLetSpacesTakeTurns() {
        DueQueue queue = queue(DueKind.SWEEP);
        queue.put(0, "large", VALUE);
        queue.put(0, "a", VALUE);
        queue.put(0, "z", VALUE);
        List<String> served = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            Due next = queue.until(DueQueue.AT_ONCE, 1).get(0);
            queue.done(next);
            served.add(next.subject());
            if (next.subject().equals("large")) {
                queue.put(0, "large", VALUE);
            }
        }
        assertThat(served).containsExactly("a", "large", "z", "large", "large", "large");
    }

    @Test
    void shouldGoOnAfterARestart() {
        DueQueue before = queue(DueKind.EXPIRY);
        before.put(10, "done", VALUE);
        before.put(20, "left", VALUE);
        before.put(30, "deleted", VALUE);
        before.until(10, 10).forEach(before::done);
        before.delete(30, "deleted");

        assertThat(queue(DueKind.EXPIRY).until(100, 10)).singleElement().satisfies(due -> {
            assertThat(due.subject()).isEqualTo("left");
            assertThat(due.time()).isEqualTo(20);
            assertThat(due.value()).isEqualTo(VALUE);
        });
    }

    /** Against a sorted map, with a clock that never goes back. */
    @Test
    void shouldLoseNothingAndHandOutNothingEarly() {
        Random random = new Random(3);
        DueQueue queue = queue(DueKind.EXPIRY);
        TreeMap<String, Long> wanted = new TreeMap<>();
        TreeMap<String, Long> keys = new TreeMap<>();
        long now = 0;
        for (int round = 0; round < 2_000; round++) {
            String space = "s" + random.nextInt(40);
            if (keys.containsKey(space)) {
                queue.delete(keys.remove(space), space);
            }
            long time = Math.max(0, now - 20 + random.nextInt(100));
            wanted.put(space, time);
            keys.put(space, queue.put(time, space, VALUE));
            if (random.nextInt(5) == 0) {
                now += random.nextInt(30);
                int max = 1 + random.nextInt(5);
                List<Due> due = queue.until(now, max);
                int served = random.nextInt(due.size() + 1);
                for (Due next : due.subList(0, served)) {
                    assertThat(wanted.remove(next.subject())).isLessThanOrEqualTo(next.time());
                    assertThat(keys.remove(next.subject())).isEqualTo(next.time());
                    assertThat(next.time()).isLessThanOrEqualTo(now);
                    queue.done(next);
                }
            }
        }
        List<String> rest = new ArrayList<>();
        List<Due> due = queue.until(now + 1_000, 1_000);
        due.forEach(next -> rest.add(next.subject()));
        assertThat(rest).containsExactlyInAnyOrderElementsOf(wanted.keySet());
    }
}

package io.engram.topology.progress;

import io.engram.schemas.Lane;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;

/**
 * Finds the last committed generation of a partition: every now and then the stream thread notes which generation it has
 * reached at which input positions, and once those positions are committed, so is the generation. Thread-safe.
 */
public final class CommitPoints {
    private static final int MAX_POINTS = 1_024;

    private record Point(long generation, Map<Lane, Long> positions) {
        boolean isCommitted(Map<Lane, Long> committed) {
            return positions.entrySet().stream()
                    .allMatch(position -> committed.getOrDefault(position.getKey(), -1L) >= position.getValue());
        }
    }

    private final ArrayDeque<Point> points = new ArrayDeque<>();
    private long knownCommitted;

    /** The task starts here: all that it holds was committed by its predecessor. */
    public synchronized void start(long generation) {
        points.clear();
        knownCommitted = generation;
    }

    /**
     * Notes a point.
     *
     * @param positions the next offset to process by lane, only of lanes from which something was processed
     */
    public synchronized void note(long generation, Map<Lane, Long> positions) {
        if (!points.isEmpty() && points.peekLast().generation() == generation) {
            return;
        }
        if (points.size() == MAX_POINTS) {
            points.pollFirst();
        }
        points.addLast(new Point(generation, new EnumMap<>(positions)));
    }

    /**
     * The last generation that is known to be committed.
     *
     * @param committed committed offsets by lane
     */
    public synchronized long committedGeneration(Map<Lane, Long> committed) {
        Iterator<Point> newestFirst = points.descendingIterator();
        while (newestFirst.hasNext()) {
            Point point = newestFirst.next();
            if (point.isCommitted(committed)) {
                knownCommitted = Math.max(knownCommitted, point.generation());
                break;
            }
        }
        points.removeIf(point -> point.generation() <= knownCommitted);
        return knownCommitted;
    }
}

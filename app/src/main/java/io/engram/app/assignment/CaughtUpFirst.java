package io.engram.app.assignment;

import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.ACTIVE;
import static org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask.Type.STANDBY;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.assignment.KafkaStreamsAssignment.AssignedTask;
import org.apache.kafka.streams.processor.assignment.ProcessId;

/**
 * The second half of KIP-441: what a balanced placement gives to a client that would have to restore it first goes to one that
 * is caught up, or to the nearest one when nobody is; the client that should have it warms up meanwhile, at most
 * {@code max.warmup.replicas} at once. For one placement.
 */
final class CaughtUpFirst {
    private final Placement placement;
    private final Lags lags;
    private final Set<Move> warming = new HashSet<>();
    private int warmupsLeft;

    /** A task, and the client that should have it once it has caught up. */
    private record Move(TaskId task, ProcessId to) {}

    CaughtUpFirst(Placement placement, Lags lags, int maxWarmups) {
        this.placement = placement;
        this.lags = lags;
        this.warmupsLeft = maxWarmups;
    }

    /** Returns how many active tasks are not yet where they should be. */
    int moveActives() {
        List<Move> moves = waiting(ACTIVE);
        for (Move move : moves) {
            TaskId task = move.task();
            ProcessId now = placement
                    .leastLoaded(client -> isCaughtUp(move, client) && placement.holds(client, task, STANDBY))
                    .or(() -> placement.leastLoaded(client -> isCaughtUp(move, client)))
                    .orElseGet(() -> lags.nearest(task));
            boolean swapped = placement.holds(now, task, STANDBY);
            placement.take(move.to(), task);
            placement.give(now, task, ACTIVE);
            if (swapped) {
                placement.give(move.to(), task, STANDBY);
            } else if (warmupsLeft > 0) {
                warmupsLeft--;
                placement.give(move.to(), task, STANDBY);
                warming.add(move);
            }
        }
        return moves.size();
    }

    /** Returns how many standbys are not yet where they should be. */
    int moveStandbys() {
        int moved = 0;
        for (Move move : waiting(STANDBY)) {
            Optional<ProcessId> now = placement
                    .leastLoaded(client -> isCaughtUp(move, client) && !placement.holds(client, move.task()))
                    .or(() -> lags.nearerThan(move.task(), move.to()).stream()
                            .filter(client -> !placement.holds(client, move.task()))
                            .findFirst());
            if (now.isEmpty()) {
                continue; // whoever is nearer has a copy anyway
            }
            moved++;
            placement.give(now.get(), move.task(), STANDBY);
            if (warmupsLeft > 0) {
                warmupsLeft--;
            } else {
                placement.take(move.to(), move.task());
            }
        }
        return moved;
    }

    private boolean isCaughtUp(Move move, ProcessId client) {
        return lags.isCaughtUp(move.task(), client);
    }

    /** Those with the fewest clients to choose from come first. */
    private List<Move> waiting(AssignedTask.Type type) {
        List<Move> moves = new ArrayList<>();
        for (ProcessId client : placement.clients()) {
            for (TaskId task : placement.tasks(client, type)) {
                Move move = new Move(task, client);
                if (!warming.contains(move) && lags.isBehindAnother(task, client)) {
                    moves.add(move);
                }
            }
        }
        moves.sort(Comparator.comparingLong(this::caughtUp).thenComparing(Move::task));
        return moves;
    }

    private long caughtUp(Move move) {
        return placement.clients().stream()
                .filter(client -> isCaughtUp(move, client))
                .count();
    }
}

package io.engram.topology.metrics;

import io.engram.topology.admission.BackpressureLevel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/**
 * Which spaces have series of their own, of which there is a limited number. While there is room a space gets them with its
 * first traffic; after that recent traffic decides, looked at once a minute:
 *
 * <pre>
 * a space without   at least {@value #MIN_TRAFFIC} records or recalls a minute, and twice as many as …   any traffic
 * takes the place of one whose traffic is the lowest                                        that was idle for an hour
 * </pre>
 *
 * At most one place in {@value #CHANGES} changes hands at a time, so that a scrape is not full of series that come and go. A
 * space loses its series when it is dropped, or when its partition is no longer here. Thread-safe.
 */
final class SpaceLabels {
    private static final long REVIEW_MS = 60_000;
    private static final long IDLE_MS = 60 * 60_000;
    private static final long MIN_TRAFFIC = 10;
    private static final int CHANGES = 20;
    private static final int MAX_CANDIDATES = 1_000;

    private final EngramMetrics catalogue;
    private final int max;
    private final LongSupplier clock;
    private final Map<String, SpaceMetrics> own = new ConcurrentHashMap<>();
    private final Map<Integer, BackpressureLevel> levels = new ConcurrentHashMap<>();
    // Of spaces without series of their own since the last review; guarded by this.
    private final Traffic others;
    private long reviewedAtMs;

    /**
     * @param max spaces with series of their own, 0 or more
     * @param clock milliseconds, from any start
     */
    SpaceLabels(EngramMetrics catalogue, int max, LongSupplier clock) {
        this.catalogue = catalogue;
        this.max = max;
        this.clock = clock;
        this.others = new Traffic(Math.max(1, Math.min(max, MAX_CANDIDATES)));
        this.reviewedAtMs = clock.getAsLong();
    }

    /** Those with series of their own, by space. */
    Map<String, SpaceMetrics> own() {
        return own;
    }

    /**
     * A record or recall of a space in use.
     *
     * @param partition where the space is processed here
     */
    SpaceMetrics seen(String space, int partition) {
        SpaceMetrics found = own.get(space);
        if (found == null) {
            found = seenWithout(space, partition);
        }
        found.seen();
        if (found != catalogue.shared() && !found.hasLevel(partition)) {
            level(found, partition);
        }
        return found;
    }

    private void level(SpaceMetrics metrics, int partition) {
        BackpressureLevel level = levels.get(partition);
        if (level != null) {
            metrics.level(partition, level);
        }
    }

    private synchronized SpaceMetrics seenWithout(String space, int partition) {
        SpaceMetrics found = room(space);
        if (found == catalogue.shared() && max > 0 && !isReserved(space)) {
            others.add(space, partition);
        }
        return found;
    }

    /** A client may be allowed to call its space what the shared series are called: it shares them then. */
    private static boolean isReserved(String space) {
        return space.equals(MetricNames.OTHER_SPACE) || space.equals(MetricNames.INVALID_SPACE);
    }

    /** The space has an index here: it gets series of its own if there is room. */
    void indexed(String space) {
        if (own.size() < max && !own.containsKey(space)) {
            room(space);
        }
    }

    private synchronized SpaceMetrics room(String space) {
        SpaceMetrics found = own.get(space);
        if (found != null) {
            return found;
        }
        return own.size() < max && !isReserved(space) ? create(space) : catalogue.shared();
    }

    private SpaceMetrics create(String space) {
        SpaceMetrics created = new SpaceMetrics(catalogue, space, clock.getAsLong());
        own.put(space, created);
        return created;
    }

    void started(int partition, BackpressureLevel level) {
        levels.put(partition, level);
    }

    void transition(int partition, BackpressureLevel level) {
        levels.put(partition, level);
        own.values().stream()
                .filter(metrics -> metrics.hasLevel(partition))
                .forEach(metrics -> metrics.transition(partition, level));
    }

    /** The partition is processed elsewhere now. */
    synchronized void ended(int partition) {
        levels.remove(partition);
        for (SpaceMetrics metrics : own.values()) {
            metrics.forgetLevel(partition);
            removeUnheld(metrics);
        }
    }

    /** The space was dropped. */
    synchronized void left(String space, int partition) {
        others.remove(space);
        SpaceMetrics metrics = own.get(space);
        if (metrics != null) {
            metrics.forgetLevel(partition);
            removeUnheld(metrics);
        }
    }

    /** The space has no index here any more. */
    synchronized void withoutIndex(String space) {
        SpaceMetrics metrics = own.get(space);
        if (metrics != null) {
            removeUnheld(metrics);
        }
    }

    private void removeUnheld(SpaceMetrics metrics) {
        if (!isHeld(metrics)) {
            remove(metrics);
        }
    }

    private boolean isHeld(SpaceMetrics metrics) {
        return metrics.hasLevels() || catalogue.indexSize(metrics.label()) > 0;
    }

    private void remove(SpaceMetrics metrics) {
        own.remove(metrics.label(), metrics);
        metrics.removeSeries(catalogue);
    }

    /** Has spaces change places by what their traffic was, once a minute. */
    synchronized void review() {
        long now = clock.getAsLong();
        if (now - reviewedAtMs < REVIEW_MS) {
            return;
        }
        reviewedAtMs = now;
        List<SpaceMetrics> quietest = new ArrayList<>();
        for (SpaceMetrics metrics : own.values()) {
            metrics.review(now);
            if (now - metrics.seenAtMs() >= IDLE_MS && !isHeld(metrics)) {
                remove(metrics); // recalled from here as from a standby, and not any more
            } else {
                quietest.add(metrics);
            }
        }
        quietest.sort(Comparator.comparingLong(SpaceMetrics::traffic).thenComparingLong(SpaceMetrics::seenAtMs));
        Iterator<SpaceMetrics> givers = quietest.iterator();
        int changes = Math.max(1, max / CHANGES);
        for (Traffic.Share share : others.shares()) {
            if (changes == 0 || !givers.hasNext()) {
                break;
            }
            SpaceMetrics giver = givers.next();
            boolean gives = now - giver.seenAtMs() >= IDLE_MS
                    || share.count() >= MIN_TRAFFIC && share.count() >= 2 * giver.traffic();
            if (!gives) {
                break;
            }
            remove(giver);
            level(create(share.name()), share.partition());
            changes--;
        }
        others.clear();
    }
}

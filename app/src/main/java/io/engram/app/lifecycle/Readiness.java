package io.engram.app.lifecycle;

import io.engram.app.query.Cluster;
import io.engram.app.query.LocalStores;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.KafkaStreams;

/**
 * Whether the tasks of an instance run and their indexes are complete, so that it can answer recall. Thread-safe.
 */
final class Readiness {
    private final KafkaStreams streams;
    private final LocalStores stores;
    private final Cluster cluster;
    private final StateDisk disk;
    private final AtomicLong threadDeaths = new AtomicLong();
    // So many threads had died when everything that was here was served last.
    private volatile long settledAfter = -1;
    private volatile boolean reached;

    Readiness(KafkaStreams streams, LocalStores stores, Cluster cluster, StateDisk disk) {
        this.streams = streams;
        this.stores = stores;
        this.cluster = cluster;
        this.disk = disk;
    }

    /** A stream thread dies; what it had may be served no more, whatever the group believes yet. */
    void threadDied() {
        threadDeaths.incrementAndGet();
    }

    /**
     * Its stream threads were held, and go on: what they had is restored like that of a new instance, which is ready when it
     * serves all of it. Until then it may run out of room again.
     */
    void startOver() {
        reached = false;
        settledAfter = -1;
    }

    /** True when it can now. */
    boolean isReached() {
        long deaths = threadDeaths.get();
        KafkaStreams.State state = streams.state();
        if (settledAfter != deaths
                && state == KafkaStreams.State.RUNNING
                && stores.threadsRun()
                && stores.allServe()
                && canAnswer(true)) {
            settledAfter = deaths;
            reached = true;
        }
        // Once ready, a rebalance or a busy standby is no reason to send clients away.
        return reached
                && (state == KafkaStreams.State.RUNNING || state == KafkaStreams.State.REBALANCING)
                && stores.allActiveServe()
                && (stores.allServe() || hasRoom())
                && canAnswer(settledAfter == deaths);
    }

    /** True when it could at some time since it started, or started over. */
    boolean wasReached() {
        return reached;
    }

    /** On a full disk what does not serve is not busy: it has failed, and the thread that will end with it may not know yet. */
    private boolean hasRoom() {
        return disk.measure().map(StateDisk.Room::isEnough).orElse(true);
    }

    /**
     * Where nothing is served, requests are passed on. That is for a member of the group that got no partition, and knows
     * others; not for one that has just lost what it had with the thread.
     */
    private boolean canAnswer(boolean settled) {
        return stores.servesAny()
                || settled && stores.threadsRun() && !cluster.others().isEmpty();
    }
}

package io.engram.topology.rejection;

import io.engram.schemas.RejectionReason;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this instance did not accept, by space and reason, for operators and newcomers: a producer that does not read
 * {@code engram-rejected} hears of it nowhere else. Of many spaces the ones refused latest are known. Thread-safe.
 */
public final class Refusals {
    private static final Logger LOG = LoggerFactory.getLogger(Refusals.class);
    private static final int CAPACITY = 100;
    private static final int MAX_DETAIL = 300;
    private static final long LOG_INTERVAL_MS = 10_000;

    /**
     * Records of one space that were refused for one reason.
     *
     * @param count since the instance started, or since the space was last forgotten here
     * @param detail of the latest, without control characters
     * @param atMs when the latest was refused, epoch ms
     */
    public record Refusal(String space, RejectionReason reason, long count, String detail, long atMs) {}

    private record Key(String space, RejectionReason reason) {}

    private final Map<Key, Refusal> latest = new LinkedHashMap<>(16, 0.75f, true);
    private long loggedAtMs = Long.MIN_VALUE;
    private long unlogged;

    /** A record was refused; the first of every few seconds is logged, with how many there were since. */
    public void note(String space, RejectedRecord rejection, long nowMs) {
        Refusal refusal = added(space, rejection, nowMs);
        long since = toLog(nowMs);
        if (since > 0) {
            LOG.warn(
                    "Refused {} records since this was last said, the latest of space {}: {}: {}",
                    since,
                    refusal.space(),
                    refusal.reason().label(),
                    refusal.detail());
        }
    }

    private synchronized Refusal added(String space, RejectedRecord rejection, long nowMs) {
        String detail = rejection.detail().replaceAll("[\\p{Cc}\\p{Cf}\u2028\u2029]", " ");
        Refusal refusal = latest.merge(
                new Key(space, rejection.reason()),
                new Refusal(
                        space,
                        rejection.reason(),
                        1,
                        detail.length() > MAX_DETAIL ? detail.substring(0, MAX_DETAIL - 1) + "…" : detail,
                        nowMs),
                (before, now) -> new Refusal(space, now.reason(), before.count() + 1, now.detail(), now.atMs()));
        if (latest.size() > CAPACITY) {
            latest.remove(latest.keySet().iterator().next());
        }
        return refusal;
    }

    /** How many to log now; 0 when the last line is not old enough. */
    private synchronized long toLog(long nowMs) {
        unlogged++;
        if (loggedAtMs != Long.MIN_VALUE && Math.abs(nowMs - loggedAtMs) < LOG_INTERVAL_MS) {
            return 0;
        }
        loggedAtMs = nowMs;
        long since = unlogged;
        unlogged = 0;
        return since;
    }

    /** What was refused, the latest first. */
    public synchronized List<Refusal> latest() {
        List<Refusal> refusals = new ArrayList<>(latest.values());
        Collections.reverse(refusals);
        return refusals;
    }
}

package io.engram.app.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.Optional;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;

/**
 * Keeps advice of Kafka Streams out of the log that would delete every memory. Of a source topic with more partitions it
 * says that a tool should clean up the "invalid" internal topic: that topic is the changelog, in which the memories are.
 */
public final class StreamsAdvice extends TurboFilter {
    private static final String HARMFUL = "StreamsResetter";
    private static final String INSTEAD =
            "A lane has another number of partitions than the changelog, in which the memories are. Delete and reset nothing;"
                    + " no memory is lost. See 'EngramTopicsChanged' in docs/operations/runbook.md";

    /** What to say of a failure instead, when its own words would do harm. */
    static Optional<String> instead(Throwable failure) {
        int depth = 0;
        for (Throwable cause = failure; cause != null && depth < 20; cause = cause.getCause()) {
            if (String.valueOf(cause.getMessage()).contains(HARMFUL)) {
                return Optional.of(INSTEAD);
            }
            depth++;
        }
        return Optional.empty();
    }

    @Override
    public FilterReply decide(
            Marker marker, Logger logger, Level level, String format, Object[] parameters, Throwable failure) {
        boolean harmful =
                format != null && format.contains(HARMFUL) || instead(failure).isPresent() || hasHarmful(parameters);
        if (!harmful || !level.isGreaterOrEqual(logger.getEffectiveLevel())) {
            return FilterReply.NEUTRAL;
        }
        LoggerFactory.getLogger(StreamsAdvice.class).error(INSTEAD);
        return FilterReply.DENY;
    }

    private static boolean hasHarmful(Object[] parameters) {
        if (parameters == null) {
            return false;
        }
        for (Object parameter : parameters) {
            if (parameter instanceof Throwable failure && instead(failure).isPresent()
                    || parameter instanceof String text && text.contains(HARMFUL)) {
                return true;
            }
        }
        return false;
    }
}

package io.engram.app.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import java.util.Arrays;
import java.util.Optional;
import org.slf4j.LoggerFactory;
import org.slf4j.Marker;

/**
 * Keeps out of the log what Kafka Streams says that would do harm, or again and again.
 *
 * <ul>
 *   <li>Of a source topic with more partitions it says that a tool should clean up the "invalid" internal topic: that topic
 *       is the changelog, in which the memories are.
 *   <li>Of a record that could not be processed it says that a handler could pass it over: it would be lost.
 *   <li>Of a disk that is full it prints the same failure with its trace from every place that it goes through. What to
 *       do about it is said once, where the thread ends.
 * </ul>
 */
public final class StreamsAdvice extends TurboFilter {
    /**
     * Tells the failure of the first kind. It is a plain {@code StreamsException}: Kafka has no class and no code for it, so
     * its text is all there is. {@code TopicWatchIT} meets it on a broker and fails when the words are others.
     */
    private static final String HARMFUL = "StreamsResetter";

    private static final String PASS_OVER = "exception.handler appropriately";
    private static final String BEFORE_THROWING = "Get exceptions for the following tasks";
    private static final String STREAMS = "org.apache.kafka.streams.";
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
        if (!level.isGreaterOrEqual(logger.getEffectiveLevel())) {
            return FilterReply.NEUTRAL; // most calls are of the kind that nobody wants to read
        }
        if (logger.getName().startsWith(STREAMS) && isSaidElsewhere(format, parameters, failure)) {
            return FilterReply.DENY;
        }
        boolean harmful =
                format != null && format.contains(HARMFUL) || instead(failure).isPresent() || hasHarmful(parameters);
        if (!harmful) {
            return FilterReply.NEUTRAL;
        }
        LoggerFactory.getLogger(StreamsAdvice.class).error(INSTEAD);
        return FilterReply.DENY;
    }

    /** Those are followed by the end of the thread, which is told with its reason. */
    private static boolean isSaidElsewhere(String format, Object[] parameters, Throwable failure) {
        if (format != null && (format.contains(PASS_OVER) || format.contains(BEFORE_THROWING))) {
            return true;
        }
        if (DiskFailure.of(failure).isPresent()) {
            return true;
        }
        return parameters != null
                && Arrays.stream(parameters)
                        .anyMatch(parameter -> parameter instanceof Throwable thrown
                                && DiskFailure.of(thrown).isPresent());
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

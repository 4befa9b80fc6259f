package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.core.spi.FilterReply;
import java.io.IOException;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.apache.kafka.streams.errors.StreamsException;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class StreamsAdviceTest {
    private static final String STREAMS = "org.apache.kafka.streams.processor.internals.ProcessorNode";

    private static final Throwable FULL = new StreamsException(
            new ProcessorStateException("Error while putting", new IOException("No space left on device")));

    private static FilterReply decide(String logger, String text, Throwable failure, Object... parameters) {
        return new StreamsAdvice()
                .decide(null, (Logger) LoggerFactory.getLogger(logger), Level.ERROR, text, parameters, failure);
    }

    /** Each of them tells it again, with its trace, and none what to do. */
    @Test
    void shouldLeaveAFullDiskToWhoeverEndsTheThread() {
        assertThat(decide(STREAMS, "Failed to process", FULL)).isEqualTo(FilterReply.DENY);
        assertThat(decide(STREAMS, "Failed to process {}", null, "0_1", FULL)).isEqualTo(FilterReply.DENY);
        assertThat(decide("io.engram.topology.follow.Snapshots", "Cannot save", FULL))
                .isEqualTo(FilterReply.NEUTRAL);
        assertThat(decide(STREAMS, "Failed to process", new StreamsException("other")))
                .isEqualTo(FilterReply.NEUTRAL);
    }

    @Test
    void shouldNotAdviseToPassRecordsOver() {
        String advice =
                "Processing exception handler is set to fail upon a processing error. If you would rather have the"
                        + " streaming pipeline continue after a processing error, please set the processing.exception.handler"
                        + " appropriately.";

        assertThat(decide(STREAMS, advice, new StreamsException("other"))).isEqualTo(FilterReply.DENY);
    }
}

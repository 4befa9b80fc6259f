package io.engram.app.faults;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;

/**
 * Ends the process, as SIGKILL would, when it is about to write a certain record. The instance's own code knows nothing of
 * it: it is put into its producers by configuration.
 *
 * <p>{@code -Dengram.test.crash=TOPIC:KEY}: the topic contains the one, the key the other; {@code ~} is a zero byte.
 */
public final class CrashInterceptor implements ProducerInterceptor<byte[], byte[]> {
    static final String PROPERTY = "engram.test.crash";

    private String topic = "";
    private String key = "";

    @Override
    public void configure(Map<String, ?> configs) {
        String[] point = System.getProperty(PROPERTY, "never:never").split(":", 2);
        topic = point[0];
        key = point[1].replace('~', '\0'); // which a command line cannot hold
    }

    @Override
    public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
        boolean here = record.topic().contains(topic)
                && record.key() != null
                && new String(record.key(), StandardCharsets.UTF_8).contains(key);
        if (here) {
            System.out.println("crash before writing to " + record.topic());
            System.out.flush();
            Runtime.getRuntime().halt(137);
        }
        return record;
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception exception) {
        // only before
    }

    @Override
    public void close() {
        // nothing is held
    }
}

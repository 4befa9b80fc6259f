package io.engram.app.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class NativeCodecsTest {
    /** Run in a JVM of its own, because a library that is loaded stays loaded. */
    public static final class Load {
        private Load() {}

        public static void main(String[] arguments) {
            try {
                NativeCodecs.load();
            } catch (NativeCodecs.CodecException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void shouldLoadEveryCodec() {
        assertThatCode(NativeCodecs::load).doesNotThrowAnyException();
    }

    @Test
    void shouldSayWhyACodecCannotBeLoaded() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djava.io.tmpdir=/dev/null/tmp",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Load.class.getName()))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        assertThat(said)
                .contains("cannot load compression codec")
                .contains("/dev/null/tmp")
                .contains("-Djava.io.tmpdir=");
    }
}

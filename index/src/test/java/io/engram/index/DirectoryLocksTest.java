package io.engram.index;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryLocksTest {
    private static final String LOCKED = "locked";

    @TempDir
    private Path directory;

    private final DirectoryLocks locks = new DirectoryLocks();

    /** Another process: locks the directory of its first argument, and keeps it until its input ends. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] arguments) throws IOException {
            try (DirectoryLocks.Held held = new DirectoryLocks().lock(Path.of(arguments[0]))) {
                System.out.println(LOCKED + " " + held.directory());
                System.in.read();
            }
        }
    }

    private Process start() throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Holder.class.getName(),
                        directory.toString())
                .start();
    }

    /** One that has the lock. */
    private Process holder() throws IOException {
        Process process = start();
        String said =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)).readLine();
        assertThat(said).isEqualTo(LOCKED + " " + directory);
        return process;
    }

    @Test
    void shouldRefuseADirectoryOfAnotherProcessUntilThatIsKilled() throws Exception {
        Process other = holder();
        try {
            assertThatThrownBy(() -> locks.lock(directory))
                    .isInstanceOf(IndexInUseException.class)
                    .hasMessageContaining(directory.toString())
                    .hasMessageContaining("open already, in another process. Stop that one");
            other.destroyForcibly();
            assertThat(other.waitFor(60, TimeUnit.SECONDS)).isTrue();
            locks.lock(directory).close();
        } finally {
            other.destroyForcibly();
        }
    }

    @Test
    void shouldKeepAnotherProcessOutEvenAfterARefusedAttemptOfItsOwn() throws Exception {
        try (DirectoryLocks.Held held = locks.lock(directory)) {
            assertThatThrownBy(() -> locks.lock(directory)).isInstanceOf(IndexInUseException.class);
            assertThat(held.directory()).isEqualTo(directory);
            Process other = start();
            other.getOutputStream().close();
            String said = new String(other.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(said).contains("IndexInUseException").contains("in another process");
            assertThat(other.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
        Process next = holder();
        next.getOutputStream().close();
        assertThat(next.waitFor(60, TimeUnit.SECONDS)).isTrue();
    }
}

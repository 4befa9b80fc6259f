package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A process of the launcher script, its output in a file. {@link #close} ends it. */
final class ChildProcess implements AutoCloseable {
    private static final long READY_TIMEOUT_S = 300;
    private static final long STOP_TIMEOUT_S = 120;
    private static final long POLL_MS = 20;
    private static final int MICROS_PER_TICK = 10_000; // USER_HZ is 100 on every Linux
    private static final int USER_TICKS = 11;
    private static final Pattern COMPILER = Pattern.compile("\\(C[12] Compiler");

    private final Process process;
    private final Path log;

    private ChildProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /** Runs {@code ./engram} with these arguments and flags for the JVM. */
    static ChildProcess start(Path home, Path log, String javaOptions, List<String> arguments) {
        return start(List.of(), home, log, javaOptions, arguments, Map.of());
    }

    /**
     * As {@link #start(Path, Path, String, List)}.
     *
     * @param launcher words of another command, which becomes the one that comes behind them; none without such
     * @param variables of the environment, beside those of this process
     */
    static ChildProcess start(
            List<String> launcher,
            Path home,
            Path log,
            String javaOptions,
            List<String> arguments,
            Map<String, String> variables) {
        List<String> command = new ArrayList<>(launcher);
        command.add(home.resolve("engram").toString());
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        Map<String, String> environment = builder.environment();
        environment.putAll(variables);
        environment.merge("ENGRAM_JAVA_OPTS", javaOptions, (own, more) -> own + " " + more);
        try {
            return new ChildProcess(builder.start(), log);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot start " + command, e);
        }
    }

    /** Waits for output that matches, and returns the match. */
    Matcher await(String pattern) throws InterruptedException {
        Pattern compiled = Pattern.compile(pattern);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(READY_TIMEOUT_S);
        while (true) {
            boolean ended = !process.isAlive();
            Matcher matcher = compiled.matcher(output());
            if (matcher.find()) {
                return matcher;
            }
            if (ended || System.nanoTime() > deadline) {
                throw new BenchmarkException(
                        (ended ? "ended" : "did not get ready") + ", see " + log + ":\n" + output());
            }
            Thread.sleep(POLL_MS);
        }
    }

    /** Presses return. */
    void proceed() throws IOException {
        process.getOutputStream().write('\n');
        process.getOutputStream().flush();
    }

    String output() {
        try {
            return Files.exists(log) ? Files.readString(log) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void requireAlive() {
        if (!process.isAlive()) {
            throw new BenchmarkException("ended, see " + log + ":\n" + output());
        }
    }

    /** User and system time so far, microseconds. */
    long cpuMicros() {
        return micros(proc("stat"));
    }

    private static long micros(String stat) {
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        return (Long.parseLong(fields[USER_TICKS]) + Long.parseLong(fields[USER_TICKS + 1])) * MICROS_PER_TICK;
    }

    /** User and system time of the compilers so far, microseconds: a part of {@link #cpuMicros} that fades. */
    long compilerMicros() {
        long micros = 0;
        try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(process.pid()), "task"))) {
            for (Path task : tasks.toList()) {
                String stat = Files.readString(task.resolve("stat"));
                if (COMPILER.matcher(stat).find()) {
                    micros += micros(stat);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            throw new BenchmarkException("cannot look at the threads of process " + process.pid() + ": " + e);
        }
        return micros;
    }

    /** Resident set, bytes. */
    long rssBytes() {
        Matcher matcher = Pattern.compile("VmRSS:\\s+(\\d+) kB").matcher(proc("status"));
        if (!matcher.find()) {
            throw new BenchmarkException("no VmRSS of process " + process.pid());
        }
        return Long.parseLong(matcher.group(1)) << 10;
    }

    private String proc(String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), file));
        } catch (IOException e) {
            throw new UncheckedIOException("process " + process.pid() + " is gone, see " + log, e);
        }
    }

    /** Has the JVM collect garbage, whole. */
    void collectGarbage() throws IOException, InterruptedException {
        Process command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                        Long.toString(process.pid()),
                        "GC.run")
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (command.waitFor() != 0) {
            throw new BenchmarkException("jcmd " + process.pid() + " GC.run failed");
        }
    }

    /** Ends it at once, as SIGKILL does. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(STOP_TIMEOUT_S, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}

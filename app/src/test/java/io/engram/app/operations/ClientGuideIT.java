package io.engram.app.operations;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.app.faults.Server;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every program of the client guide, as it stands there, against a broker and an instance. */
@Tag("operations")
class ClientGuideIT {
    private static final String TEXT = "tea is at four";
    private static final String OTHER_TEXT = "tea is at five today";
    private static final String REMEMBERED = "\"content\":\"tea is at four\"";

    @TempDir
    private static Path directory;

    private static Server broker;
    private static Server instance;
    private static int kafkaPort;

    @BeforeAll
    static void start() throws IOException {
        kafkaPort = Server.freePort();
        broker = Server.broker(directory.resolve("broker"), kafkaPort);
        broker.awaitReady();
        instance = Server.instance(directory.resolve("instance"), kafkaPort, Server.freePort(), "shutdown.drain.ms=0");
        instance.awaitReady();
    }

    @AfterAll
    static void stop() {
        instance.close();
        broker.close();
    }

    /** The one block of a language that contains a text, with the addresses of this test. */
    private static String program(String language, String text) {
        List<String> blocks = CodeBlocks.of(Tools.read("docs/guides/client.md"), language).stream()
                .filter(block -> block.contains(text))
                .toList();
        assertThat(blocks).as(language + " with " + text).hasSize(1);
        return blocks.get(0)
                .replace("127.0.0.1:9092", "127.0.0.1:" + kafkaPort)
                .replace("http://127.0.0.1:7432", instance.url(""));
    }

    /** Runs a program as it stands, and again with another text, as someone does who tries things out. */
    private static void runTwice(String name, String program, Interpreter interpreter)
            throws IOException, InterruptedException {
        assertThat(interpreter.run(write(name, program))).contains(REMEMBERED);
        assertThat(program).contains(TEXT);
        assertThat(interpreter.run(write(name, program.replace(TEXT, OTHER_TEXT))))
                .contains(OTHER_TEXT);
    }

    private interface Interpreter {
        String run(Path program) throws IOException, InterruptedException;
    }

    private static Path write(String name, String program) throws IOException {
        Path folder = Files.createDirectories(directory.resolve(name.replaceFirst("\\..*", "")));
        return Files.writeString(folder.resolve(name), program);
    }

    @Test
    void shouldRunInJava() throws IOException, InterruptedException {
        String java = ProcessHandle.current().info().command().orElse("java");
        runTwice(
                "Remember.java",
                program("java", "class Remember"),
                source -> Tools.run(
                        source.getParent(), java, "-cp", System.getProperty("java.class.path"), source.toString()));
    }

    @Test
    void shouldRunInPython() throws IOException, InterruptedException {
        Tools.require("python3");
        // The distribution's interpreter has the distribution's confluent-kafka.
        Path python = Path.of("/usr/bin/python3");
        Tools.requireThat(
                Files.isExecutable(python) && Tools.succeeds(python.toString(), "-c", "import confluent_kafka"),
                "confluent_kafka for " + python);
        runTwice(
                "remember.py",
                program("python", "confluent_kafka"),
                source -> Tools.run(source.getParent(), python.toString(), source.toString()));
    }

    @Test
    void shouldRunInNode() throws IOException, InterruptedException {
        Tools.require("node", "npm");
        String program = program("javascript", "kafkajs");
        Path folder = write("remember.js", program).getParent();
        Tools.run(folder, "npm", "install", "--no-audit", "--no-fund", "--silent", "kafkajs@2.2.4");
        runTwice("remember.js", program, source -> Tools.run(source.getParent(), "node", source.toString()));
    }

    @Test
    void shouldRunInTheShell() throws IOException, InterruptedException {
        Tools.require("kcat", "curl");
        runTwice(
                "kcat.sh",
                program("sh", "guide-kcat"),
                source -> Tools.run(source.getParent(), "sh", "-e", source.toString()));
    }

    @Test
    void shouldKeepTheOrderOfASessionInTheShell() throws IOException, InterruptedException {
        Tools.require("kcat", "curl");
        Path source = write("session.sh", program("sh", "guide-session"));
        String answer = Tools.run(source.getParent(), "sh", "-e", source.toString());
        assertThat(answer).contains("\"acknowledged_sequence\":2", REMEMBERED);
    }

    @Test
    void shouldRunOverHttp() throws IOException, InterruptedException {
        Tools.require("curl");
        runTwice("http.sh", program("sh", "guide-http"), source -> {
            String answer = Tools.run(source.getParent(), "sh", "-e", source.toString());
            assertThat(answer).contains("\"status\":\"indexed\"");
            return answer;
        });
    }

    /** The commands of the operators' pages do what they say, on a running instance. */
    @Test
    void shouldRunTheRunbooksCommands() throws IOException, InterruptedException {
        String pages = Tools.read("docs/operations/runbook.md")
                + Tools.read("docs/operations/disaster-recovery.md")
                + Tools.read("docs/operations/capacity-planning.md");
        List<String> commands = CodeBlocks.commands(pages, "sh", "./engram ");
        assertThat(commands).hasSizeGreaterThan(8);
        for (String command : commands) {
            if (command.contains("--stopped")) {
                continue; // wants a stopped instance: RestartFaultIT
            }
            String here = command.replace("http://127.0.0.1:7432", instance.url(""));
            List<String> words = new ArrayList<>(List.of(here.split("\\s+")));
            if (!here.contains("--url") && !here.contains("replay") && !here.contains("capacity")) {
                words.add("--url=" + instance.url(""));
            }
            if (here.contains("replay")) {
                words.addAll(List.of("--set", "kafka.bootstrap.servers=127.0.0.1:" + kafkaPort));
            }
            words.set(0, ProcessHandle.current().info().command().orElse("java"));
            words.addAll(
                    1,
                    List.of(
                            "-Dengram.home=" + Tools.project(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            "io.engram.app.Main"));
            Tools.run(directory, words.toArray(String[]::new));
        }
    }
}

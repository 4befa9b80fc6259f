package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BudgetTest {
    private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
    private final Budget budget = new Budget(10, 0.5, nanos::get);

    @Test
    void shouldGiveNoMoreThanThereIs() {
        Budget.Grant eight = budget.tryTake("a", 8).orElseThrow();

        assertThat(budget.tryTake("a", 3)).isEmpty();
        assertThat(budget.tryTake("a", 2)).isPresent();
        eight.close();
        eight.close();
        assertThat(budget.tryTake("a", 9)).isEmpty();
        assertThat(budget.tryTake("a", 8)).isPresent();
    }

    @Test
    void shouldLetOneClientHaveAllWhileNobodyElseAsks() {
        assertThat(budget.tryTake("a", 5)).isPresent();
        assertThat(budget.tryTake("a", 5)).isPresent();
    }

    @Test
    void shouldHoldAClientToItsShareWhileOthersAsk() {
        Budget.Grant all = budget.tryTake("a", 10).orElseThrow();
        assertThat(budget.tryTake("b", 1)).isEmpty();
        all.close();

        Budget.Grant share = budget.tryTake("a", 5).orElseThrow();
        assertThat(budget.tryTake("a", 1)).isEmpty();
        assertThat(share.grow(1)).isFalse();
        assertThat(budget.tryTake("b", 5)).isPresent();
    }

    @Test
    void shouldForgetThatOthersAsked() {
        assertThat(budget.tryTake("b", 1)).isPresent();
        assertThat(budget.tryTake("a", 5)).isPresent();
        assertThat(budget.tryTake("a", 1)).isEmpty();

        nanos.addAndGet(TimeUnit.SECONDS.toNanos(6));

        assertThat(budget.tryTake("a", 4)).isPresent();
    }

    @Test
    void shouldLetAClientWithNothingTakeWhatIsFree() {
        assertThat(budget.tryTake("b", 1)).isPresent();

        assertThat(budget.tryTake("a", 9)).isPresent();
    }

    @Test
    void shouldGiveBackWhatAGrantGrewTo() {
        Budget.Grant grant = budget.tryTake("a", 0).orElseThrow();
        assertThat(grant.grow(6)).isTrue();
        assertThat(grant.grow(5)).isFalse();

        grant.close();

        assertThat(grant.grow(1)).isFalse();
        assertThat(budget.tryTake("a", 10)).isPresent();
    }

    @Test
    void shouldWaitUntilSomethingIsGivenBack() throws Exception {
        Budget.Grant all = budget.tryTake("a", 10).orElseThrow();
        CompletableFuture<Optional<Budget.Grant>> waiting = new CompletableFuture<>();
        Thread other = new Thread(() -> {
            try {
                waiting.complete(budget.take("b", 10, 60_000));
            } catch (InterruptedException e) {
                waiting.completeExceptionally(e);
            }
        });
        other.start();

        all.close();

        assertThat(waiting.get(30, TimeUnit.SECONDS)).isPresent();
        assertThat(budget.take("a", 1, 0)).isEmpty();
    }
}

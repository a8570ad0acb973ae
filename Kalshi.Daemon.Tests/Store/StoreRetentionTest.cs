using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Tests.Verify;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>Partitions go when everybody has read them; those that only dedup has not read go over the disk budget, after an alarm.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed class StoreRetentionTest(StoreFlavour flavour)
{
    private const int OverBudget = 620;
    private const int DroppedUnread = 621;
    private const int OverBudgetYoung = 622;
    private const int CursorStuck = 623;
    private static readonly TimeSpan Retention = TimeSpan.FromDays(1);

    /// <summary>Long after everything in the store.</summary>
    private const long Later = ExportFixture.Start + (60 * Micros.PerDay);

    [Test]
    public async Task Rows_wait_for_dedup()
    {
        using var store = await NewStoreAsync();
        var middle = await PublishMiddleAsync(store, "dedup:test");
        var unread = await CountAsync(store, $"received_at >= to_timestamp({middle})");
        var (retention, _) = New(budget: 0);
        Assert.That(await ApplyAsync(retention, store, Later), Is.GreaterThan(0));
        Assert.That(await CountAsync(store, $"received_at >= to_timestamp({middle})"), Is.EqualTo(unread));
        Assert.That(await store.NumberAsync($"SELECT count(*) FROM kalshid.partitions() WHERE end_at <= to_timestamp({middle})"), Is.Zero);
        Assert.That(await store.NumberAsync($"SELECT count(*) FROM kalshid.partitions() WHERE end_at > to_timestamp({middle}) AND end_at < to_timestamp({Later / Micros.PerSecond})"), Is.GreaterThan(1));
        Assert.That(await store.NumberAsync($"SELECT count(*) FROM kalshid.store WHERE dropped_before <= to_timestamp({middle})"), Is.EqualTo(1));
    }

    [Test]
    public async Task Beyond_the_budget_an_alarm_comes_first_and_then_what_dedup_has_not_read_goes()
    {
        using var store = await NewStoreAsync();
        var middle = await PublishMiddleAsync(store, "dedup");
        var (retention, log) = New(budget: 1);
        await ApplyAsync(retention, store, Later);
        Assert.That(log.Events, Does.Contain(OverBudget).And.Not.Contain(DroppedUnread));
        Assert.That(await CountAsync(store, $"received_at >= to_timestamp({middle})"), Is.GreaterThan(0), "the alarm comes a turn earlier");
        Assert.That(await ApplyAsync(retention, store, Later), Is.GreaterThan(0));
        Assert.That(log.Events.Count(id => id == OverBudget), Is.EqualTo(1));
        Assert.That(log.Events, Does.Contain(DroppedUnread));
        Assert.That(await CountAsync(store, "received_at < (SELECT date_trunc('hour', position) FROM kalshid.cursors WHERE name = 'loader')"), Is.Zero, "all but where the loader writes");
        await ApplyAsync(retention, store, Later);
        Assert.That(log.Events.Count(id => id == DroppedUnread), Is.EqualTo(1));
    }

    [Test]
    public async Task Within_the_budget_and_younger_than_the_retention_time_nothing_goes()
    {
        using var store = await NewStoreAsync();
        await PublishMiddleAsync(store, "dedup");
        var rows = await CountAsync(store, "true");
        var (large, quiet) = New(budget: 1L << 40);
        await ApplyAsync(large, store, Later);
        await ApplyAsync(large, store, Later);
        Assert.That(quiet.Events, Does.Not.Contain(OverBudget));
        Assert.That(await CountAsync(store, "true"), Is.GreaterThan(0));

        var (small, log) = New(budget: 1);
        await ApplyAsync(small, store, ExportFixture.Start);
        await ApplyAsync(small, store, ExportFixture.Start);
        Assert.That(log.Events.Count(id => id == OverBudgetYoung), Is.EqualTo(1));
        Assert.That(await CountAsync(store, "true"), Is.GreaterThan(0).And.LessThanOrEqualTo(rows));
    }

    [Test]
    public async Task What_the_export_has_not_read_stays_whatever_the_budget()
    {
        using var store = await NewStoreAsync();
        await PublishMiddleAsync(store, "dedup");
        var middle = await PublishMiddleAsync(store, "export");
        var (retention, _) = New(budget: 1);
        await ApplyAsync(retention, store, Later);
        await ApplyAsync(retention, store, Later);
        Assert.That(await store.NumberAsync($"SELECT count(*) FROM kalshid.partitions() WHERE end_at > to_timestamp({middle}) AND end_at < to_timestamp({Later / Micros.PerSecond})"), Is.GreaterThan(1));
    }

    [Test]
    public async Task A_cursor_that_nobody_moves_is_reported_once_until_it_moves()
    {
        using var store = await NewStoreAsync();
        await PublishMiddleAsync(store, "dedup");
        var (retention, log) = New(budget: 0);
        var now = Micros.Now();
        await ApplyAsync(retention, store, now);
        Assert.That(log.Events, Does.Not.Contain(CursorStuck));
        await ApplyAsync(retention, store, now + (2 * Micros.PerDay));
        await ApplyAsync(retention, store, now + (3 * Micros.PerDay));
        Assert.That(log.Events.Count(id => id == CursorStuck), Is.EqualTo(1));
        await PublishMiddleAsync(store, "dedup");
        await ApplyAsync(retention, store, Micros.Now());
        await ApplyAsync(retention, store, Micros.Now() + (2 * Micros.PerDay));
        Assert.That(log.Events.Count(id => id == CursorStuck), Is.EqualTo(2));
    }

    private async Task<StoreRig> NewStoreAsync()
    {
        var random = Seeds.New(out _);
        var store = await StoreRig.NewAsync(flavour);
        store.Append(new MiniExchange(random.Next(), steps: 1_500).Script, stretch: 1_000_000);
        store.Load();
        return store;
    }

    /// <summary>A consumer that has read half of the changes; returns its position in seconds.</summary>
    private static async Task<long> PublishMiddleAsync(StoreRig store, string consumer)
    {
        var middle = await store.NumberAsync("SELECT extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY received_at))::int8 FROM kalshid.orderbook_deltas");
        await store.ExecuteAsync($"SELECT kalshid.publish_cursor('{consumer}', to_timestamp({middle}))");
        return middle;
    }

    private static Task<long> CountAsync(StoreRig store, string condition) => store.NumberAsync($"SELECT count(*) FROM kalshid.orderbook_deltas WHERE {condition}");

    private static (StoreRetention Retention, LogEvents Log) New(long budget)
    {
        var log = new LogEvents();
        return (new StoreRetention(Retention, budget, log), log);
    }

    private static async Task<int> ApplyAsync(StoreRetention retention, StoreRig store, long now)
    {
        await using var connection = await store.Database.OpenAsync(CancellationToken.None);
        return await retention.ApplyAsync(connection, now, CancellationToken.None);
    }

    private sealed class LogEvents : ILogger
    {
        public readonly List<int> Events = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Events.Add(eventId.Id);
    }
}

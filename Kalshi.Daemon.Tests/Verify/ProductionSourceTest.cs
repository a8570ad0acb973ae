using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using Kalshi.Daemon.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>`verify --production` finds nothing in what is right, and each kind of damage in what is not, by its name.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed class ProductionSourceTest(StoreFlavour flavour)
{
    /// <summary>A change in the midst of a stretch: not at its ends, alone at its instant, the `place`-th of them.</summary>
    private static string Inner(int place) =>
        $"""
        (select d.market_id, d.exchange_at, d.ordinal from kalshid.orderbook_deltas d
        where not exists (select from kalshid.coverage c where c.market_id = d.market_id and d.exchange_at in (c.first_at, c.last_at))
            and not exists (select from kalshid.orderbook_deltas o where o.market_id = d.market_id and o.exchange_at = d.exchange_at and o.ordinal <> d.ordinal)
            and d.exchange_at < (select max(first_at) from kalshid.coverage c where c.market_id = d.market_id)
        order by 1, 2 offset {place} limit 1)
        """;

    [Test]
    public async Task What_is_right_is_sound_with_and_without_a_truth_however_it_is_read()
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 2; round++)
        {
            using var rig = await ProductionRig.NewAsync(flavour, random.Next());
            var rowsMax = random.Next(60, 2_000);
            var report = rig.Verify(rowsMax: rowsMax);
            var what = $"seed {seed}, round {round}, rows {rowsMax}\n{report}";
            Assert.That(report.IsSound, what);
            Assert.That((report.Deltas.Expected, report.Deltas.Present), Is.EqualTo(((long)rig.Truth.Sum(market => market.Count), rig.Held)), what);
            Assert.That(report.Deltas.InReportedGaps, Is.EqualTo(report.Deltas.Expected - rig.Held).And.GreaterThan(0), what);
            Assert.That((report.Trades.Present, report.Tickers.Present, report.Lifecycle.Present), Is.EqualTo((60, 60, ProductionRig.Markets)), what);
            Assert.That(report.Audit.BackfilledTrades, Is.EqualTo(ProductionRig.Markets), what);
            Assert.That(report.Audit.SnapshotsChecked, Is.GreaterThan(10), what);
            Assert.That(rig.Verify(withTruth: false).IsSound, what);
        }
    }

    [Test]
    public async Task A_market_of_more_rows_than_fit_is_read_page_by_page()
    {
        using var rig = await ProductionRig.NewAsync(flavour, 5);
        foreach (var rowsMax in (int[])[12, 30, 61])
        {
            var report = rig.Verify(rowsMax: rowsMax);
            Assert.That(report.IsSound, $"rows {rowsMax}\n{report}");
            Assert.That(report.Deltas.Present, Is.EqualTo(rig.Held));
        }
    }

    [Test]
    public async Task The_json_has_the_keys_scripts_rely_on()
    {
        using var rig = await ProductionRig.NewAsync(flavour, 3);
        using var json = JsonDocument.Parse(rig.Verify().ToJson());
        foreach (var key in new[]
        {
            "expected", "present", "lost", "duplicated", "altered", "reordered", "in_reported_gaps", "rejected", "markets", "negative_levels", "snapshot_mismatches",
            "stretches", "vouches", "disagreements", "disagreements_open",
        })
        {
            Assert.That(json.RootElement.GetProperty(key).ValueKind, Is.EqualTo(JsonValueKind.Number), key);
        }

        Assert.That(json.RootElement.GetProperty("gaps").GetArrayLength(), Is.GreaterThan(0));
        Assert.That(json.RootElement.GetProperty("markets").GetInt32(), Is.EqualTo(ProductionRig.Markets));
        Assert.That(json.RootElement.GetProperty("faults").EnumerateObject(), Is.Empty);
    }

    [Test]
    public Task A_lost_row_is_lost() => Damage(
        place => $"delete from kalshid.orderbook_deltas where (market_id, exchange_at, ordinal) in {Inner(place)}", report => report.Deltas.Lost, isExact: true);

    [Test]
    public Task A_doubled_row_is_duplicated_and_noticed_without_a_truth() => Damage(
        place => $"insert into kalshid.orderbook_deltas select * from kalshid.orderbook_deltas where (market_id, exchange_at, ordinal) in {Inner(place)}",
        report => report.Deltas.Duplicated, isExact: true, fault: "doubled");

    [Test]
    public Task An_altered_row_is_altered() => Damage(
        place => $"update kalshid.orderbook_deltas set delta = delta + 7 where (market_id, exchange_at, ordinal) in {Inner(place)}", report => report.Deltas.Altered, isExact: true);

    [Test]
    public Task A_price_that_was_altered_is_altered() => Damage(
        place => $"update kalshid.orderbook_deltas set price = price + 10000 where (market_id, exchange_at, ordinal) in {Inner(place)}", report => report.Deltas.Altered, isExact: true);

    [Test]
    public Task Rows_that_changed_places_are_reordered() => Damage(
        place => $"""
            with both_rows as (
                select market_id, exchange_at, ordinal, delta, price, lead(delta) over w as next_delta, lead(price) over w as next_price,
                    lead(exchange_at) over w as next_at, lead(ordinal) over w as next_ordinal, lead(side) over w as next_side, side
                from kalshid.orderbook_deltas where (market_id, exchange_at, ordinal) in {Inner(place)} or (market_id, exchange_at, ordinal) in {Inner(place + 1)}
                window w as (order by market_id, exchange_at, ordinal)),
            swapped as (
                select market_id, exchange_at, ordinal, next_delta as delta, next_price as price, next_side as side from both_rows where next_at is not null
                union all select market_id, next_at, next_ordinal, delta, price, side from both_rows where next_at is not null)
            update kalshid.orderbook_deltas d set delta = s.delta, price = s.price, side = s.side from swapped s
            where d.market_id = s.market_id and d.exchange_at = s.exchange_at and d.ordinal = s.ordinal
            """,
        report => report.Deltas.Altered + report.Deltas.Reordered + report.Deltas.Lost, isExact: false);

    [Test]
    public Task A_wrong_ordinal_is_noticed_without_a_truth() => Damage(
        place => $"update kalshid.orderbook_deltas set ordinal = ordinal + 1 where (market_id, exchange_at, ordinal) in {Inner(place)}", _ => 1, isExact: true, fault: "ordinal");

    [Test]
    public Task A_row_at_the_end_of_a_stretch_that_is_missing_is_noticed_without_a_truth() => Damage(
        place => $"delete from kalshid.orderbook_deltas where (market_id, exchange_at, ordinal) in (select market_id, last_at, last_ordinal from kalshid.coverage where last_at is not null order by 1, 2 offset {place % 8} limit 1)",
        report => report.Deltas.Lost + report.Deltas.InReportedGaps, isExact: false, fault: "stretch");

    [Test]
    public Task A_row_outside_of_stretches_is_noticed_without_a_truth() => Damage(
        _ => "insert into kalshid.orderbook_deltas select c.to_at + interval '1 microsecond', c.to_at, 5, c.market_id, 0, 10000, 'y' from kalshid.coverage c where c.state = 'whole' and c.number = 1 and c.market_id = 2",
        report => report.Deltas.Invented + report.Deltas.Altered, isExact: true, fault: "outside"); // it may stand in for one that is missing there

    [Test]
    public Task A_snapshot_that_was_altered_does_not_equal_the_fold() => Damage(
        place => $"""
            update kalshid.orderbook_snapshots set yes_sizes[1] = yes_sizes[1] + 1 where (market_id, received_at) in (
                select market_id, received_at from kalshid.orderbook_snapshots where ordinal is not null and cardinality(yes_sizes) > 0 order by 1, 2 offset {place % 8} limit 1)
            """,
        report => report.SnapshotMismatches, isExact: false);

    [Test]
    public Task A_snapshot_after_no_change_is_noticed_without_a_truth() => Damage(
        place => $"""
            update kalshid.orderbook_snapshots set exchange_at = exchange_at + interval '1 microsecond', ordinal = 77 where (market_id, received_at) in (
                select market_id, received_at from kalshid.orderbook_snapshots where ordinal is not null order by 1, 2 offset {place % 8} limit 1)
            """,
        _ => 1, isExact: true, fault: "snapshot");

    [Test]
    public Task A_vouch_that_is_too_wide_is_noticed_without_a_truth() => Damage(
        place => $"update kalshid.vouches set last_at = last_at + interval '5 seconds' where (market_id, number) in (select market_id, number from kalshid.vouches where gatherer_id = 0 and last_at is not null order by 1, 2 offset {place % 8} limit 1)",
        _ => 1, isExact: true, fault: "vouch");

    [Test]
    public Task A_vouch_that_is_too_narrow_leaves_changes_unvouched() => Damage(
        place => $"delete from kalshid.vouches where (market_id, from_at) in (select market_id, from_at from kalshid.vouches where gatherer_id = 0 order by 1, 2 offset {place % 8} limit 1)",
        _ => 1, isExact: true, fault: "unvouched");

    [Test]
    public Task A_gap_without_its_row_is_noticed_without_a_truth() => Damage(
        place => $"delete from kalshid.coverage where (market_id, number) in (select market_id, number from kalshid.coverage where state = 'gap' order by 1, 2 offset {place % 8} limit 1)",
        report => report.Deltas.Lost, isExact: false, fault: "coverage");

    [Test]
    public Task What_an_interval_claims_to_hold_and_does_not_is_lost() => Damage(
        place => $"""
            update kalshid.coverage c set from_at = g.from_at from kalshid.coverage g
            where (g.market_id, g.number) in (select market_id, number from kalshid.coverage where state = 'gap' order by 1, 2 offset {place % 8} limit 1)
                and c.market_id = g.market_id and c.number = g.number + 1
            """,
        report => report.Deltas.Lost, isExact: false);

    [Test]
    public Task A_trade_twice_is_duplicated() => Damage(
        place => $"insert into kalshid.trades select * from kalshid.trades where trade_id = 'trade-{place % 6}-3'", report => report.Trades.Duplicated, isExact: true);

    [Test]
    public async Task Open_disagreements_are_reported()
    {
        using var rig = await ProductionRig.NewAsync(flavour, 4);
        await rig.ExecuteAsync(
            """
            insert into kalshid.disagreements (found_at, settled_at, market_id, number, held_by, other_by, verdict) values
                (now(), null, 1, 1, 'one', 'two', ''), (now(), now(), 2, 1, 'one', 'two', 'held: its snapshot fits')
            """);
        var report = rig.Verify();
        Assert.That((report.Audit.Production!.Disagreements, report.Audit.Production.OpenDisagreements), Is.EqualTo((2, 1)));
        Assert.That(report.ToString(), Does.Contain("two contradicts one").And.Contain("disagreed 2 times, 1 of them are open"));
    }

    [Test]
    public async Task Book_is_the_fold_of_the_truth_wherever_production_covers_it()
    {
        var random = Seeds.New(out var seed);
        using var rig = await ProductionRig.NewAsync(flavour, random.Next());
        var covered = 0;
        for (var round = 0; round < 60; round++)
        {
            var market = random.Next(ProductionRig.Markets);
            var truth = rig.Truth[market];
            var at = random.Next(3) == 0 ? truth[random.Next(truth.Count)].At : random.NextInt64(truth[0].At - Micros.PerMinute, truth[^1].At + Micros.PerMinute);
            var book = new BookAt(ProductionRig.Ticker(market), at) { IsMerged = true };
            BookProductionSource.Read(rig.Database, book);
            var what = $"seed {seed}, {book.Ticker} at {at}: {book.Statement()}";
            if (book.Cover is not null)
            {
                covered++;
                Assert.That(book.Book!.Book.Hash, Is.EqualTo(rig.BookAt(market, at).Hash), what);
                Assert.That(book.Sources, Has.Member("one"), what);
                Assert.That(JsonDocument.Parse(BookCommand.ToJson(book)).RootElement.GetProperty("sources").GetArrayLength(), Is.EqualTo(book.Sources.Count), what);
            }
            else
            {
                Assert.That(book.Statement(), Does.StartWith("not covered"), what);
            }
        }

        Assert.That(covered, Is.GreaterThan(20));
    }

    [Test]
    public async Task Book_before_the_first_snapshot_of_its_stretch_takes_back_what_came_between()
    {
        using var rig = await ProductionRig.NewAsync(flavour, 9);
        await rig.ExecuteAsync("delete from kalshid.orderbook_snapshots where exchange_at is null");
        for (var market = 0; market < ProductionRig.Markets; market++)
        {
            foreach (var change in rig.Truth[market].Where((_, index) => index % 4 == 0))
            {
                var book = new BookAt(ProductionRig.Ticker(market), change.At) { IsMerged = true };
                BookProductionSource.Read(rig.Database, book);
                if (book is { Cover: not null, Book: { } rebuilt })
                {
                    Assert.That(rebuilt.Book.Hash, Is.EqualTo(rig.BookAt(market, change.At).Hash), $"{book.Ticker} at {change.At}: {book.Statement()}");
                }
            }
        }
    }

    [Test]
    public async Task A_gatherers_store_is_refused_as_production()
    {
        using var database = new Kalshi.Daemon.Store.StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30), "dedup.production_dsn");
        Assert.That(() => ProductionSource.Read(database, new Audit(keepChanges: false)), Throws.TypeOf<SetupException>().With.Message.Contains("let kalshid dedup fill this one first"));
        await Kalshi.Daemon.Store.Migrations.Gatherer.ApplyAsync(database, "auto");
        Assert.That(() => ProductionSource.Read(database, new Audit(keepChanges: false)), Throws.TypeOf<SetupException>().With.Message.Contains("dedup.production_dsn"));
    }

    /// <summary>Damages a place, which must be found, be named right, and make production unsound: with the truth, or by a `fault` also without.</summary>
    private async Task Damage(Func<int, string> sql, Func<VerifyReport, long> named, bool isExact, string? fault = null)
    {
        var random = Seeds.New(out var seed);
        using var rig = await ProductionRig.NewAsync(flavour, random.Next());
        await rig.ExecuteAsync(sql(random.Next(40)));
        var report = rig.Verify();
        var what = $"seed {seed}\n{report}";
        Assert.That(report.IsSound, Is.False, what);
        Assert.That(named(report), isExact ? Is.EqualTo(1) : Is.GreaterThanOrEqualTo(1), what);
        Assert.That(report.Deltas.Present + report.Deltas.Altered + report.Deltas.Lost + report.Deltas.InReportedGaps, Is.EqualTo(report.Deltas.Expected), what);
        if (fault is not null)
        {
            var alone = rig.Verify(withTruth: false);
            Assert.That(alone.IsSound, Is.False, $"{what}\n{alone}");
            Assert.That(alone.Audit.Faults.Keys, Has.Member(fault), $"{what}\n{alone}");
        }
    }
}

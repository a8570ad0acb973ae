using Kalshi.Daemon.Export;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using Kalshi.Daemon.Tests.Verify;
using Kalshi.Daemon.Verify;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Export;

/// <summary>`export --source production`, and `verify --parquet` of it.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed class ProductionExportTest(StoreFlavour flavour)
{
    private ProductionRig _rig = null!;

    [SetUp]
    public async Task SetUp() => _rig = await ProductionRig.NewAsync(flavour, Seeds.New(out _).Next());

    [TearDown]
    public void TearDown() => _rig?.Dispose();

    private string Target => Path.Combine(_rig.Folder, "parquet");

    private ExportReport Export(bool untilNow = false) =>
        new ProductionExporter(_rig.Database, _rig.Folder, new LocalDirectory(Target), untilNow, NullLogger.Instance).Run();

    private VerifyReport Verify(bool withTruth = true) =>
        Verification.Run("Parquet", audit => ParquetSource.Read(Target, audit), withTruth ? _rig.TruthPath : null);

    [Test]
    public void The_files_hold_what_production_holds_and_are_sound()
    {
        var report = Export();
        Assert.That(report.Published, Has.Count.GreaterThan(1));
        var (files, rows) = (Verify(), _rig.Verify());
        Assert.That(files.IsSound, files.ToString());
        Assert.That(Verify(withTruth: false).IsSound, files.ToString());
        Assert.That((files.Deltas.Present, files.Deltas.InReportedGaps, files.Deltas.Lost), Is.EqualTo((_rig.Held, rows.Deltas.InReportedGaps, 0)), files.ToString());
        Assert.That((files.Trades.Present, files.Tickers.Present, files.Lifecycle.Present), Is.EqualTo((rows.Trades.Present, rows.Tickers.Present, rows.Lifecycle.Present)));
        Assert.That(files.Audit.BackfilledTrades, Is.EqualTo(rows.Audit.BackfilledTrades));
        Assert.That(files.Audit.SnapshotsChecked, Is.GreaterThan(rows.Audit.SnapshotsChecked / 2));
        Assert.That(TargetAudit.Run(new LocalDirectory(Target)).Faults, Is.Empty);
    }

    [Test]
    public void A_second_run_changes_nothing()
    {
        var hours = Export().Published.Count;
        var before = Contents();
        var report = Export();
        Assert.That((report.Published.Count, report.Unchanged), Is.EqualTo((0, hours)));
        Directory.Delete(Target, recursive: true);
        Export();
        Assert.That(Contents(), Is.EqualTo(before));
    }

    [Test]
    public void Who_saw_a_change_stands_beside_it()
    {
        Export();
        var sources = new HashSet<string>();
        foreach (var part in Directory.EnumerateFiles(Path.Combine(Target, "orderbook_deltas"), "*.parquet", SearchOption.AllDirectories))
        {
            using var reader = new ParquetReader(File.OpenRead(part));
            Assert.That(reader.Columns, Is.EqualTo(new[] { "exchange_at", "ordinal", "ticker", "side", "price", "delta", "received_at", "sources" }));
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                sources.UnionWith(reader.Texts(group, "sources").Distinct.Select(text => System.Text.Encoding.UTF8.GetString(text)));
            }
        }

        Assert.That(sources, Is.EquivalentTo(new[] { "one", "one,two" }));
    }

    [Test]
    public async Task An_hour_that_was_repaired_is_exported_again_and_no_other()
    {
        Export();
        var before = Contents();
        await _rig.ExecuteAsync(
            """
            insert into kalshid.trades select exchange_at, received_at, count, market_id, yes_price, no_price, taker_side, taker_book_side, 'b', is_block_trade, 'late'
                from kalshid.trades where trade_id = 'trade-2-4';
            update kalshid.store set turn = 2;
            update kalshid.hours set turn = 2 where hour = (select date_bin('1 hour', exchange_at, '2000-01-01Z') from kalshid.trades where trade_id = 'late')
            """);
        var report = Export();
        Assert.That(report.Published, Has.Count.EqualTo(1));
        Assert.That(report.Published[0].Cursor, Is.EqualTo(2));
        var changed = Contents().Where(file => !before.Contains(file)).Select(file => file.Name.Split('/')[0]);
        Assert.That(changed, Is.EquivalentTo(new[] { "trades", "manifest", "certificate" }));
        Assert.That(Export().Published, Is.Empty);
    }

    [Test]
    public async Task A_gatherer_that_is_merged_further_into_an_hour_makes_that_hour_be_exported_again()
    {
        var behind = ProductionRig.Start + Micros.PerMinute;
        await _rig.ExecuteAsync($"update kalshid.gatherers set position = '{ProductionRig.At(behind)}' where gatherer_id = 1");
        var hours = Export().Published.Count;
        await _rig.ExecuteAsync($"update kalshid.gatherers set position = '{ProductionRig.At(behind + Micros.PerMinute)}' where gatherer_id = 1");
        Assert.That(Export().Published.Select(certificate => certificate.FromAt), Is.EqualTo(new[] { ProductionRig.Start }));
        await _rig.ExecuteAsync("update kalshid.gatherers set position = (select position from kalshid.gatherers where gatherer_id = 0) where gatherer_id = 1");
        Assert.That(Export().Published, Has.Count.EqualTo(hours));
        Assert.That(Export().Published, Is.Empty);
        Assert.That(Verify().IsSound, Verify().ToString());
    }

    [Test]
    public async Task Only_hours_behind_the_watermark_are_closed()
    {
        var all = Export().Published.Count;
        Directory.Delete(Target, recursive: true);
        await _rig.ExecuteAsync($"update kalshid.store set watermark = '{ProductionRig.At(ProductionRig.Start + Micros.PerHour + (9 * Micros.PerSecond))}'");
        var report = Export();
        Assert.That((report.Published.Count, report.Left), Is.EqualTo((0, new Hour(ProductionRig.Start))), "the margin is 10 seconds");
        await _rig.ExecuteAsync($"update kalshid.store set watermark = '{ProductionRig.At(ProductionRig.Start + Micros.PerHour + (10 * Micros.PerSecond))}'");
        Assert.That(Export().Published.Select(certificate => certificate.Closed), Is.EqualTo(new[] { true }));
        var now = Export(untilNow: true);
        Assert.That((now.Published.Count, now.Unchanged), Is.EqualTo((all - 1, 1)));
        Assert.That(now.Published.Select(certificate => certificate.Closed), Has.All.False);
    }

    [Test]
    public async Task A_row_that_production_lost_is_lost_in_the_files_too()
    {
        await _rig.ExecuteAsync(
            """
            delete from kalshid.orderbook_deltas d where (market_id, exchange_at, ordinal) in (
                select d.market_id, d.exchange_at, d.ordinal from kalshid.orderbook_deltas d
                where not exists (select from kalshid.coverage c where c.market_id = d.market_id and d.exchange_at in (c.first_at, c.last_at))
                    and not exists (select from kalshid.orderbook_deltas o where o.market_id = d.market_id and o.exchange_at = d.exchange_at and o.ordinal <> d.ordinal)
                order by 1, 2 offset 20 limit 1)
            """);
        Export();
        var report = Verify();
        Assert.That((report.IsSound, report.Deltas.Lost), Is.EqualTo((false, 1)), report.ToString());
    }

    [Test]
    public void Retention_is_told_up_to_where_everything_is_exported()
    {
        Export();
        var hours = Directory.EnumerateFiles(Path.Combine(Target, "manifest"), "*.json", SearchOption.AllDirectories).Count();
        Assert.That(hours, Is.GreaterThan(1));
        using var reader = Kalshi.Daemon.Store.StoreReader.Open(_rig.Database, Kalshi.Daemon.Store.Migrations.Production);
        var rows = reader.Copy("select position, (select max(hour) from kalshid.hours) from kalshid.cursors where name = 'export'");
        Assert.That(rows.TryRow());
        Assert.That(rows.Time(), Is.EqualTo(new Hour(rows.Time()).EndAt - 1));
    }

    private List<(string Name, string Content)> Contents() =>
        [.. new LocalDirectory(Target).List("").Select(name => (name, Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(Path.Combine(Target, name))))))];
}

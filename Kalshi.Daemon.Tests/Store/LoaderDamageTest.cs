using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Tests.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A damaged journal: what a loader makes of it depends on the journal alone, not on where loaders ended and began again.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class LoaderDamageTest
{
    private const int SegmentBytes = 1 << 16;
    private const int Blocks = 150;

    private Random _random = null!;
    private LoaderRig _rig = null!;

    [SetUp]
    public void SetUp()
    {
        _random = Seeds.New(out _);
        _rig = new LoaderRig(_random, segmentBytes: SegmentBytes);
    }

    [TearDown]
    public void TearDown() => _rig.Dispose();

    [Test]
    public async Task Damage_of_the_journal_makes_the_same_rows_wherever_a_loader_ended()
    {
        AppendBlocks();
        _rig.Finish().Close();
        Damage();
        var (stamps, damages) = ReadAll();
        Assert.That(damages, Is.Not.Empty);

        var reference = await LoadWholeAsync();
        for (var store = 0; store < 3; store++)
        {
            var dsn = await StoreServers.Postgres.CreateDatabaseAsync();
            await LoadInPiecesAsync(dsn, [.. EndsNear(damages, stamps), .. Enumerable.Range(0, 6).Select(_ => stamps[_random.Next(stamps.Count)])]);
            await StoreContents.AssertSameAsync(reference, dsn);
        }
    }

    [Test]
    public async Task A_torn_tail_that_a_restart_cut_off_makes_the_same_rows_in_a_loader_that_saw_it_and_in_one_that_did_not()
    {
        var dsn = await StoreServers.Postgres.CreateDatabaseAsync();
        var loader = _rig.Start(dsn);
        for (var life = 0; life < 6; life++)
        {
            AppendBlocks(20);
            _rig.Close();
            Tear();
            if (_random.Next(2) == 0)
            {
                await Eventually.BecomesTrue(() => loader.Counters.Committed == ReadAll().Stamps[^1], 30_000);
            }

            _rig.Reopen();
        }

        _rig.Finish();
        LoaderRig.Drain(loader);
        await StoreContents.AssertSameAsync(await LoadWholeAsync(), dsn);
    }

    private void AppendBlocks(int blocks = Blocks)
    {
        for (var block = 0; block < blocks; block++)
        {
            _rig.Append(_random.Next(1, 40));
        }
    }

    /// <summary>A store loaded in one go, which holds what the journal says.</summary>
    private async Task<string> LoadWholeAsync()
    {
        var dsn = await StoreServers.Postgres.CreateDatabaseAsync();
        _rig.Load(dsn, new RigLoader { BatchRows = 1_000_000, BatchAgeMs = 60_000 });
        await DecodedJournal.AssertLoadedAsync(_rig.Journal, dsn);
        await StoreContents.AssertWholeAsync(dsn, ReadAll().Stamps[^1]);
        return dsn;
    }

    /// <summary>Loaders that end at these positions: in order, with their state stored there, or at once, with an older one or none.</summary>
    private async Task LoadInPiecesAsync(string dsn, IEnumerable<long> ends)
    {
        foreach (var end in ends.Order().Distinct())
        {
            _rig.Limit = end;
            var loader = _rig.Start(dsn, new RigLoader { BatchRows = _random.Next(1, 200), Writers = _random.Next(1, 3) });
            if (_random.Next(3) == 0)
            {
                LoaderRig.Drain(loader);
            }
            else
            {
                await Eventually.BecomesTrue(() => loader.Counters.Committed == end, 30_000);
                loader.Dispose();
            }
        }

        _rig.Limit = long.MaxValue;
        _rig.Load(dsn);
    }

    /// <summary>The last position before each damage, the first after it, and one a little later.</summary>
    private IEnumerable<long> EndsNear(IReadOnlyList<Damage> damages, List<long> stamps)
    {
        foreach (var damage in damages.Where(_ => _random.Next(2) == 0))
        {
            var before = stamps.FindLastIndex(stamp => stamp < damage.BeforeReceivedAt);
            if (before >= 0 && before + 1 < stamps.Count)
            {
                yield return stamps[_random.Next(before, Math.Min(stamps.Count, before + 3))];
            }
        }
    }

    private (List<long> Stamps, List<Damage> Damages) ReadAll()
    {
        using var reader = new JournalReader(_rig.Journal);
        var stamps = new List<long>();
        while (reader.TryRead(out var record))
        {
            stamps.Add(record.ReceivedAt);
        }

        return (stamps, [.. reader.Damages]);
    }

    /// <summary>Flipped bytes in blocks and headers, a torn end, a lost segment.</summary>
    private void Damage()
    {
        var segments = Segments();
        for (var hits = _random.Next(2, 8); hits > 0; hits--)
        {
            var segment = segments[_random.Next(segments.Length)];
            using var file = new FileStream(segment, FileMode.Open, FileAccess.ReadWrite);
            file.Position = _random.Next(4) == 0 ? _random.Next(SegmentFormat.HeaderBytes) : _random.NextInt64(file.Length);
            var value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ (1 << _random.Next(8))));
        }

        using (var torn = new FileStream(segments[_random.Next(segments.Length - 1)], FileMode.Open, FileAccess.ReadWrite))
        {
            torn.SetLength(_random.NextInt64(torn.Length));
        }

        if (_random.Next(2) == 0)
        {
            File.Delete(segments[_random.Next(1, segments.Length - 1)]);
        }
    }

    /// <summary>What a write that a crash broke off leaves behind: part of a block, noise, or zeros.</summary>
    private void Tear()
    {
        var newest = Segments()[^1];
        var tail = new byte[_random.Next(1, 5_000)];
        switch (_random.Next(3))
        {
            case 0:
                _random.NextBytes(tail);
                break;
            case 1:
                var whole = File.ReadAllBytes(newest);
                var start = whole.AsSpan(SegmentFormat.HeaderBytes);
                tail = start[..Math.Min(start.Length, _random.Next(1, 60))].ToArray();
                break;
        }

        using var file = new FileStream(newest, FileMode.Append);
        file.Write(tail);
    }

    private string[] Segments() => [.. Directory.GetFiles(_rig.Journal, "*.kj").Order(StringComparer.Ordinal)];
}

using System.Globalization;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>How a rig's loaders work; small batches, so that every edge is crossed often.</summary>
internal sealed record RigLoader
{
    public int BatchRows { get; init; } = 50;
    public int BatchAgeMs { get; init; } = 20;
    public int Writers { get; init; } = 1;
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);
    public string Gatherer { get; init; } = "test";
    public string Timescale { get; init; } = "auto";
    public bool DirectCompress { get; init; }
}

/// <summary>A real journal of random records, written by the test or by a thread, and real loaders for it.</summary>
internal sealed class LoaderRig : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RandomJournal _source;
    private readonly long _segmentBytes;
    private readonly List<IDisposable> _owned = [];
    private JournalWriter? _writer;
    private Thread? _appending;
    private volatile bool _isAppending;
    private long _limit = long.MaxValue;

    public LoaderRig(Random random, int markets = 40, long segmentBytes = 1 << 20)
    {
        _source = new RandomJournal(random, markets);
        _segmentBytes = segmentBytes;
        _writer = OpenWriter();
    }

    public string Journal => _folder.File("journal");

    /// <summary>Stamp of the last record that is on disk.</summary>
    public long End { get; private set; }

    /// <summary>The slowest append so far: what a store may not change.</summary>
    public TimeSpan SlowestAppend { get; private set; }

    /// <summary>Loaders see no later records.</summary>
    public long Limit
    {
        get => Volatile.Read(ref _limit);
        set => Volatile.Write(ref _limit, value);
    }

    public LoaderRig Append(int records)
    {
        for (var i = 0; i < records; i++)
        {
            Append(_source.Next());
        }

        return Flush();
    }

    public void Append((RecordKind Kind, int Session, byte[] Bytes) record) =>
        End = _writer!.Append(_source.Now, record.Session, record.Kind, record.Bytes);

    public LoaderRig Flush()
    {
        Assert.That(_writer!.Flush(), Is.EqualTo(FlushVerdict.Written));
        return this;
    }

    /// <summary>Ends the stream as a clean stop does.</summary>
    public LoaderRig Finish()
    {
        foreach (var record in _source.End())
        {
            Append(record);
        }

        return Flush();
    }

    /// <summary>Closes the journal and, when told so, opens it for more.</summary>
    public void Close(bool again = false)
    {
        _writer!.Dispose();
        _writer = null;
        if (again)
        {
            Reopen();
        }
    }

    public void Reopen() => _writer = OpenWriter();

    private JournalWriter OpenWriter() => JournalWriter.Open(new JournalSettings(Journal, _segmentBytes, 5, 1 << 20), NullLogger.Instance);

    /// <summary>
    /// A thread appends until <see cref="StopAppending"/>, or until that many records are written: some every few milliseconds, as a
    /// capture does; by itself about 1,000 a second, since what is written is compared at the end.
    /// </summary>
    public void StartAppending(int recordsPerTurn = 5, int recordsMax = int.MaxValue)
    {
        _isAppending = true;
        _appending = new Thread(() =>
        {
            for (var records = 0; _isAppending && records < recordsMax; records += recordsPerTurn)
            {
                var begun = System.Diagnostics.Stopwatch.GetTimestamp();
                Append(recordsPerTurn);
                var took = System.Diagnostics.Stopwatch.GetElapsedTime(begun);
                SlowestAppend = took > SlowestAppend ? took : SlowestAppend;
                Thread.Sleep(4);
            }
        });
        _appending.Start();
    }

    public void StopAppending()
    {
        _isAppending = false;
        _appending?.Join();
        _appending = null;
    }

    public LoaderSettings Settings(RigLoader how) => new(
        how.Gatherer, Journal, how.Timescale, how.DirectCompress, how.BatchRows, TimeSpan.FromMilliseconds(how.BatchAgeMs), how.Writers, how.Timeout);

    /// <summary>A loader, started; disposed with the rig at the latest.</summary>
    public Loader Start(string dsn, RigLoader? how = null)
    {
        how ??= new RigLoader();
        var database = new StoreDatabase(dsn, how.Timeout);
        var loader = new Loader(database, Settings(how), () => Limit, NullLogger.Instance);
        _owned.Add(loader);
        _owned.Add(database);
        loader.Start();
        return loader;
    }

    /// <summary>Loads everything up to the limit.</summary>
    public Loader Load(string dsn, RigLoader? how = null)
    {
        var loader = Start(dsn, how);
        Drain(loader);
        return loader;
    }

    /// <summary>Ends a loader, which must come to the journal's end: minutes on a busy machine, whose tests appended all the while.</summary>
    public static void Drain(Loader loader, int seconds = 180)
    {
        Assert.That(loader.Stop(TimeSpan.FromSeconds(seconds)), Is.True, () => Describe(loader));
        loader.Dispose();
    }

    public static string Describe(Loader loader) => string.Create(
        CultureInfo.InvariantCulture,
        $"state {loader.Counters.State}, committed {loader.Counters.Committed}, {loader.Counters.Batches} batches, {loader.Counters.Failures} failures\n{loader.Fault}");

    /// <summary>Ends every loader where it is.</summary>
    public void StopLoaders()
    {
        _owned.ForEach(each => each.Dispose());
        _owned.Clear();
    }

    public void Dispose()
    {
        StopAppending();
        StopLoaders();
        _writer?.Dispose();
        _folder.Dispose();
    }
}

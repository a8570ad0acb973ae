using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The gatherers' rows turn by turn: each turn tells everything of the gatherers that are present up to one watermark, merged by (received_at, index).
/// <b>In</b>: <see cref="GathererSource"/>s. <b>Out</b>: <see cref="IBookInput"/>, <see cref="IStreamInput"/>. <b>Thread</b>: one, but for what says otherwise. <b>Bound</b>: three
/// pieces a gatherer; rows of a turn as <see cref="TurnSettings"/> says. Allocates nothing per row.
/// </summary>
/// <remarks>
/// How to use it: make it, let it read its memory (<see cref="IMergeMemory"/>; the production's markets loaded before), <see cref="Start"/>, then
/// <see cref="TryTurn"/> again and again, <see cref="Wait"/> when it says false. After a turn, <see cref="PositionOf"/> and <see cref="FirstRecordAtOf"/> are what production commits
/// with the turn's rows; when that is durable, <see cref="Publish"/> tells the gatherers.
/// <para>
/// Who is present: a gatherer that answers (it owes no answer for longer than the patience, and has not failed for longer than settle), whose loader is at most
/// settle behind the newest of those that answer, and which has been read to within settle of the watermark. It becomes absent when that is no longer so. All are
/// present at first, but for those that were left behind before a restart. Rows of absent ones are told as they come, up to the watermark, in each turn
/// before those of the others: so a gatherer that returns after a day delays nobody.
/// </para>
/// </remarks>
internal sealed class TurnReader : IMergeMemory, IDisposable
{
    private const byte Version = 1;

    /// <summary>Told between two looks at the clock.</summary>
    private const int LateRows = 1_000;

    private readonly SourceRows[] _rows;
    private readonly bool[] _isPresent;
    private readonly IBookInput _books;
    private readonly IStreamInput _streams;
    private readonly TurnSettings _settings;
    private readonly Func<long> _now;
    private readonly ILogger _log;
    private readonly WakeSignal _wake = new();
    private bool _isPresenceTold;
    private int _turnRows;

    /// <param name="sources">By index of the gatherer; disposed of with this.</param>
    /// <param name="now">The clock of the sources, µs.</param>
    public TurnReader(
        IReadOnlyList<GathererSource> sources, ProductionMarkets markets, IBookInput books, IStreamInput streams, TurnSettings settings, Func<long> now, ILogger log)
    {
        _rows = [.. sources.Select((source, gatherer) => new SourceRows(gatherer, source, markets, books, streams, log))];
        _isPresent = new bool[sources.Count];
        (_books, _streams, _settings, _now, _log) = (books, streams, settings, now, log);
    }

    public int Gatherers => _rows.Length;

    /// <summary>Everything up to here was told by every gatherer that was present, µs.</summary>
    public long Watermark { get; private set; }

    /// <summary>Rows told by the last turn, or so far by the one under way. Any thread.</summary>
    public int TurnRows
    {
        get => Volatile.Read(ref _turnRows);
        private set => Volatile.Write(ref _turnRows, value);
    }

    /// <summary>That turn had rows, or the books have something to decide. Any thread.</summary>
    public bool HasWork => TurnRows > 0 || HasUndecided;

    /// <summary>The last turn left to the next one what the books had to decide. Any thread.</summary>
    public bool HasUndecided { get; private set; }

    /// <summary>A store that does not fail has been asked and has not answered yet. Any thread.</summary>
    public bool IsAsking => Array.Exists(_rows, static rows => rows.Source is { IsFailing: false, SilentSince: not 0 });

    public long PositionOf(int gatherer) => _rows[gatherer].Position;

    /// <summary>Which store the position is of; 0: of none yet.</summary>
    public long FirstRecordAtOf(int gatherer) => _rows[gatherer].FirstRecordAt;

    /// <summary>Any thread; may be a turn old.</summary>
    public bool IsPresent(int gatherer) => _isPresent[gatherer];

    public GathererSource SourceOf(int gatherer) => _rows[gatherer].Source;

    public SourceCounters CountersOf(int gatherer) => _rows[gatherer].Counters;

    /// <summary>Begins to read, each gatherer behind its position.</summary>
    public void Start()
    {
        for (var i = 0; i < _rows.Length; i++)
        {
            _rows[i].Start(_wake);
            _isPresent[i] = _rows[i].Position >= Watermark - _settings.Settle;
        }
    }

    /// <summary>
    /// Tells the next turn. False when there is nothing new to tell; then nothing was told, <see cref="IBookInput.OnTurn"/> neither, except who is present.
    /// </summary>
    public bool TryTurn()
    {
        TurnRows = 0;
        if (HasUndecided)
        {
            // Before anything more is told: what is decided late finds less of what it is decided by.
            HasUndecided = _books.OnTurn(Watermark);
            return true;
        }

        foreach (var rows in _rows)
        {
            rows.Refresh();
        }

        WatchPresence();
        var until = Math.Max(Watermark, ReadyTo());
        var lateTo = Tell(isPresent: false, until);
        var toldTo = Tell(isPresent: true, until);
        var isMoved = TurnRows > 0;
        for (var i = 0; i < _rows.Length; i++)
        {
            isMoved |= _rows[i].Pass(Math.Min(_isPresent[i] ? toldTo : lateTo, _rows[i].Available));
        }

        if (isMoved)
        {
            Watermark = Math.Max(Watermark, toldTo);
            HasUndecided = _books.OnTurn(Watermark);
            _streams.OnTurn(Watermark);
        }

        return isMoved;
    }

    /// <summary>Until a gatherer has something new or answers, at most for `limit`. Throws <see cref="OperationCanceledException"/> when `stop` is.</summary>
    public void Wait(TimeSpan limit, CancellationToken stop) => _wake.WaitAsync(limit, stop).GetAwaiter().GetResult();

    /// <summary>Production holds the gatherer's rows up to the position, of the store with this first_record_at, for good. Any thread.</summary>
    public void Publish(int gatherer, long firstRecordAt, long position) => _rows[gatherer].Source.Publish(firstRecordAt, position);

    public void WriteAll(StateWriter writer)
    {
        WriteHead(writer);
        foreach (var rows in _rows)
        {
            rows.WriteAll(writer);
        }
    }

    public void WriteChanges(StateWriter writer)
    {
        WriteHead(writer);
        foreach (var rows in _rows)
        {
            rows.WriteChanges(writer);
        }
    }

    public void ReadAll(StateReader reader)
    {
        var count = ReadHead(reader);
        foreach (var rows in _rows.AsSpan(0, count))
        {
            rows.ReadAll(reader);
        }
    }

    public void ReadChanges(StateReader reader)
    {
        var count = ReadHead(reader);
        foreach (var rows in _rows.AsSpan(0, count))
        {
            rows.ReadChanges(reader);
        }
    }

    public void Dispose()
    {
        foreach (var rows in _rows)
        {
            rows.Source.Dispose();
        }
    }

    private void WriteHead(StateWriter writer)
    {
        writer.Write(Version);
        writer.Write(Watermark);
        writer.Write((byte)_rows.Length);
    }

    /// <summary>Returns how many gatherers it is of: gatherers that are new in the configuration come behind them.</summary>
    private int ReadHead(StateReader reader)
    {
        if (reader.ReadByte() is var version and not Version)
        {
            throw new InvalidDataException($"The memory of turns has version {version}, this kalshid reads {Version}.");
        }

        Watermark = reader.ReadInt64();
        return reader.ReadByte() is var count && count <= _rows.Length ? count
            : throw new InvalidDataException($"The memory of turns is of {count} gatherers, and {_rows.Length} are configured.");
    }

    private void WatchPresence()
    {
        var now = _now();
        long newest = 0;
        foreach (var rows in _rows)
        {
            newest = Answers(rows.Source, now) ? Math.Max(newest, rows.Source.Loaded) : newest;
        }

        for (var i = 0; i < _rows.Length; i++)
        {
            var (rows, settle) = (_rows[i], _settings.Settle);
            var loaded = rows.Source.Loaded;
            var isPresent = Answers(rows.Source, now) && (loaded >= newest - settle || loaded == GathererSource.Unknown) && rows.Available >= Watermark - settle;
            if (isPresent == _isPresent[i] && _isPresenceTold)
            {
                continue;
            }

            if (isPresent != _isPresent[i])
            {
                _log.GathererPresence(rows.Source.Name, isPresent ? "present" : "absent", Micros.Format(rows.Position), Micros.Format(Watermark));
            }

            _isPresent[i] = isPresent;
            _books.OnPresence(i, isPresent);
            _streams.OnPresence(i, isPresent);
        }

        _isPresenceTold = true;
    }

    private bool Answers(GathererSource source, long now) =>
        source.SilentSince is var since && (since == 0 || now - since <= (source.IsFailing ? _settings.Settle : Math.Max(_settings.Settle, _settings.Patience)));

    /// <summary>Everything that is present can be told up to here; 0 when nobody is.</summary>
    private long ReadyTo()
    {
        var until = long.MaxValue;
        for (var i = 0; i < _rows.Length; i++)
        {
            until = _isPresent[i] ? Math.Min(until, _rows[i].Available) : until;
        }

        return until == long.MaxValue ? 0 : until;
    }

    /// <summary>Tells what is at hand of the present or of the absent gatherers up to `until`, of the absent ones for a while; returns up to where everything at hand was told.</summary>
    private long Tell(bool isPresent, long until)
    {
        var (before, begun) = (until + 1, _now());
        for (var told = 0; ;)
        {
            var (first, next) = NextOf(isPresent);
            if (first < 0 || _rows[first].Next is var at && at >= before)
            {
                return until;
            }

            if (told >= _settings.RowsMax || (told > 0 && !isPresent && _now() - begun >= _settings.LateTime))
            {
                return _rows[first].Next - 1;
            }

            // At least the rows of one position, at most until another gatherer's turn has come or the turn is full enough.
            var rows = _rows[first].Tell(Math.Min(before, Math.Max(next, _rows[first].Next + 1)), isPresent ? int.MaxValue : LateRows);
            told += rows;
            TurnRows += rows;
        }
    }

    /// <summary>Whose row is the next, and where that of the others is: `long.MaxValue` when there is none.</summary>
    private (int First, long Next) NextOf(bool isPresent)
    {
        var (first, at, next) = (-1, long.MaxValue, long.MaxValue);
        for (var i = 0; i < _rows.Length; i++)
        {
            if (_isPresent[i] != isPresent)
            {
                continue;
            }

            var own = _rows[i].Next;
            if (own < at)
            {
                (first, at, next) = (i, own, at);
            }
            else
            {
                next = Math.Min(next, own);
            }
        }

        return (first, next);
    }
}

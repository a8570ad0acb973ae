using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Which rows of a stream production has, and which gatherers told them: rows of equal key and time are instances of one another, and there are as
/// many of them as the gatherer that told most.
/// <code>
///   time ──▶   forgotten: in production alone     │ 10 s │ 10 s │ 10 s │ …   buckets, complete from here on
///                      ▲ recalled bucket, while somebody tells of it
/// </code>
/// <b>In</b>: key, time and gatherer of each row, in any interleaving. <b>Out</b>: whether it is a row that production lacks. <b>Thread</b>: one.
/// <b>Bound</b>: <see cref="WindowBounds"/>, the buckets around what each gatherer told last, and what one turn touches; 28 bytes an instance.
/// <b>When full</b>: the oldest bucket is forgotten; told of its time again, its rows are recalled from production.
/// </summary>
/// <remarks>
/// A gatherer's own rows of equal key may lie on both sides of an absence: therefore the buckets within `margin` of what each told last stay. Of
/// recalled instances nobody knows who told them, which is right: whoever tells of them now is further than that behind what it told before.
/// </remarks>
internal sealed class InstanceWindow(WindowBounds bounds, long margin, Action<long, long> recall) : IMergeMemory
{
    private const int SparesMax = 4;
    private const byte Version = 1;

    private readonly Dictionary<long, InstanceBucket> _byNumber = [];

    /// <summary>By number.</summary>
    private readonly List<InstanceBucket> _buckets = [];
    private readonly List<InstanceBucket> _changed = [];
    private readonly List<long> _forgotten = [];
    private readonly Stack<InstanceBucket> _spares = [];

    /// <summary>By gatherer: the time of the row it told last; `long.MinValue` for none.</summary>
    private readonly long[] _lastAt = NewLastAt();

    /// <summary>Buckets below this number are in production alone unless they are here.</summary>
    private long _completeFrom = long.MinValue;
    private long _newestAt = long.MinValue;
    private InstanceBucket? _latest;
    private InstanceBucket? _restored;

    /// <summary>Instances held.</summary>
    public int Count { get; private set; }

    /// <summary>Buckets recalled from production so far.</summary>
    public long Recalls { get; private set; }

    /// <summary>Hot. True when the row is new: production has fewer rows of the key within `slack` µs than the gatherer told.</summary>
    public bool Tell(int gatherer, ulong key, long at, long slack)
    {
        var teller = (ushort)(1 << gatherer);
        _lastAt[gatherer] = at;
        _newestAt = Math.Max(_newestAt, at);
        if (Find(key, at, slack, teller) is (var bucket and not null, var index))
        {
            bucket.AddTeller(index, teller);
            Touch(bucket);
            return false;
        }

        bucket = BucketOf(NumberOf(at)) ?? NewBucket(NumberOf(at));
        bucket.Add(key, at, teller);
        Count++;
        Touch(bucket);
        return true;
    }

    /// <summary>As <see cref="Tell"/> where a key has one row and no more, whoever tells it and how often.</summary>
    public bool TellOnce(int gatherer, ulong key, long at, long slack)
    {
        _lastAt[gatherer] = at;
        return Find(key, at, slack, tellers: 0).Bucket is null && Tell(gatherer, key, at, slack);
    }

    /// <summary>A row of production, while it is being recalled.</summary>
    public void Restore(ulong key, long at)
    {
        // Rows beside the bucket are of another one, which holds them or will recall them itself.
        if (_restored is { } bucket && NumberOf(at) == bucket.Number)
        {
            bucket.Add(key, at, tellers: 0);
            Count++;
        }
    }

    /// <summary>Whatever the gatherer told, it begins anew.</summary>
    public void OnReplaced(int gatherer)
    {
        _lastAt[gatherer] = long.MinValue;
        foreach (var bucket in _buckets)
        {
            if (bucket.IsSaved)
            {
                _forgotten.Add(bucket.Number);
            }

            bucket.RemoveTeller((ushort)(1 << gatherer));
            MarkChanged(bucket);
        }
    }

    /// <summary>End of a turn: forgets what nobody needs. What the turn touched stays, because its rows may not be in production yet.</summary>
    public void OnTurn(long watermark)
    {
        var horizon = Math.Min(watermark, _newestAt) - bounds.Keep;
        for (var i = 0; i < _buckets.Count && (BeginOf(_buckets[i].Number + 1) <= horizon || Count > bounds.CountMax);)
        {
            if (_buckets[i].IsTouched || IsNear(_buckets[i]))
            {
                i++;
            }
            else
            {
                Forget(i);
            }
        }

        foreach (var bucket in _buckets)
        {
            bucket.IsTouched = false;
        }
    }

    public void WriteAll(StateWriter writer)
    {
        WriteHead(writer);
        writer.Write7BitEncodedInt(_buckets.Count);
        foreach (var bucket in _buckets)
        {
            bucket.Write(writer, isWhole: true, BeginOf(bucket.Number));
        }

        ForgetChanges();
    }

    public void WriteChanges(StateWriter writer)
    {
        WriteHead(writer);
        writer.Write7BitEncodedInt(_forgotten.Count);
        foreach (var number in _forgotten)
        {
            writer.Write(number);
        }

        writer.Write7BitEncodedInt(_changed.Count);
        foreach (var bucket in _changed)
        {
            bucket.Write(writer, isWhole: false, BeginOf(bucket.Number));
        }

        ForgetChanges();
    }

    public void ReadAll(StateReader reader)
    {
        ReadHead(reader);
        ReadBuckets(reader);
    }

    public void ReadChanges(StateReader reader)
    {
        ReadHead(reader);
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var number = reader.ReadInt64();
            Remove(_buckets.FindIndex(bucket => bucket.Number == number) is var index and >= 0
                ? index
                : throw new InvalidDataException("The saved state of the streams' merge forgets a bucket that it does not hold."));
        }

        ReadBuckets(reader);
    }

    private static long[] NewLastAt()
    {
        var times = new long[MergeSettings.GatherersMax];
        Array.Fill(times, long.MinValue);
        return times;
    }

    private long NumberOf(long at) => (at / bounds.Span) - (at % bounds.Span < 0 ? 1 : 0);

    private long BeginOf(long number) => number * bounds.Span;

    private (InstanceBucket? Bucket, int Index) Find(ulong key, long at, long slack, ushort tellers)
    {
        (InstanceBucket? Bucket, int Index) found = default;
        var last = NumberOf(at + slack);
        for (var number = NumberOf(at - slack); number <= last; number++)
        {
            if (BucketOf(number) is { } bucket && bucket.Find(key, at, slack, tellers) is var index and >= 0
                && (found.Bucket is null || bucket.TimeOf(index) < found.Bucket.TimeOf(found.Index)))
            {
                found = (bucket, index);
            }
        }

        return found;
    }

    /// <summary>The bucket, recalled if it must be; null when neither this window nor production has a row of its time.</summary>
    private InstanceBucket? BucketOf(long number)
    {
        if (_latest is { } latest && latest.Number == number)
        {
            return latest;
        }

        if (_byNumber.TryGetValue(number, out var bucket))
        {
            return _latest = bucket;
        }

        return number < _completeFrom ? Recall(number) : null;
    }

    private InstanceBucket Recall(long number)
    {
        var bucket = NewBucket(number);
        Touch(bucket);
        _restored = bucket;
        recall(BeginOf(number), BeginOf(number + 1));
        _restored = null;
        Recalls++;
        return bucket;
    }

    private InstanceBucket NewBucket(long number)
    {
        var bucket = _spares.TryPop(out var spare) ? spare : new InstanceBucket();
        bucket.Begin(number);
        var index = _buckets.Count;
        while (index > 0 && _buckets[index - 1].Number > number)
        {
            index--;
        }

        _buckets.Insert(index, bucket);
        _byNumber.Add(number, bucket);
        return _latest = bucket;
    }

    private void Touch(InstanceBucket bucket)
    {
        bucket.IsTouched = true;
        MarkChanged(bucket);
    }

    private void MarkChanged(InstanceBucket bucket)
    {
        if (!bucket.IsChanged)
        {
            bucket.IsChanged = true;
            _changed.Add(bucket);
        }
    }

    private bool IsNear(InstanceBucket bucket)
    {
        var (begin, end) = (BeginOf(bucket.Number), BeginOf(bucket.Number + 1));
        foreach (var at in _lastAt)
        {
            if (at != long.MinValue && at + margin >= begin && at - margin < end)
            {
                return true;
            }
        }

        return false;
    }

    private void Forget(int index)
    {
        var bucket = _buckets[index];
        if (bucket.IsSaved)
        {
            _forgotten.Add(bucket.Number);
        }

        if (bucket.IsChanged)
        {
            _changed.Remove(bucket);
        }

        _completeFrom = Math.Max(_completeFrom, bucket.Number + 1);
        Remove(index);
    }

    private void Remove(int index)
    {
        var bucket = _buckets[index];
        _buckets.RemoveAt(index);
        _byNumber.Remove(bucket.Number);
        Count -= bucket.Count;
        _latest = null;
        if (_spares.Count < SparesMax)
        {
            _spares.Push(bucket);
        }
    }

    private void ForgetChanges()
    {
        foreach (var bucket in _changed)
        {
            bucket.IsChanged = false;
        }

        _changed.Clear();
        _forgotten.Clear();
    }

    private void WriteHead(StateWriter writer)
    {
        writer.Write(Version);
        writer.Write(bounds.Span);
        writer.Write(_completeFrom);
        writer.Write(_newestAt);
        foreach (var at in _lastAt)
        {
            writer.Write(at);
        }
    }

    private void ReadHead(StateReader reader)
    {
        if (reader.ReadByte() is var version && version != Version)
        {
            throw new InvalidDataException($"The saved state of the streams' merge has version {version}, this kalshid reads {Version}.");
        }

        if (reader.ReadInt64() is var span && span != bounds.Span)
        {
            throw new InvalidDataException($"The saved state of the streams' merge has buckets of {span} µs, this kalshid makes them of {bounds.Span}.");
        }

        _completeFrom = reader.ReadInt64();
        _newestAt = reader.ReadInt64();
        foreach (ref var at in _lastAt.AsSpan())
        {
            at = reader.ReadInt64();
        }
    }

    private void ReadBuckets(StateReader reader)
    {
        for (var buckets = reader.Read7BitEncodedInt(); buckets > 0; buckets--)
        {
            var number = reader.ReadInt64();
            var bucket = _byNumber.TryGetValue(number, out var known) ? known : NewBucket(number);
            var before = bucket.Count;
            bucket.Read(reader, BeginOf(number));
            Count += bucket.Count - before;
        }
    }
}

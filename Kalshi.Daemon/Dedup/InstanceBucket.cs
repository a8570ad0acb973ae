using System.Numerics;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The instances of one span of time in an <see cref="InstanceWindow"/>: a table by key, instances of equal key chained. About 28 bytes an
/// instance. Used again and again; allocates only when it grows. One thread.
/// </summary>
internal sealed class InstanceBucket
{
    private const int None = -1;
    private const int SizeMin = 64;

    private readonly List<int> _retold = [];
    private Instance[] _instances = new Instance[SizeMin];

    /// <summary>By the key's lowest bits: index of the newest instance + 1; 0 for none. As many as <see cref="_instances"/>.</summary>
    private int[] _heads = new int[SizeMin];

    /// <summary>Instances that the log knows.</summary>
    private int _saved;

    /// <summary>Time divided by the window's span.</summary>
    public long Number { get; private set; }

    public int Count { get; private set; }

    /// <summary>In the turn under way: its rows may not be in production yet.</summary>
    public bool IsTouched { get; set; }

    /// <summary>Whether the log knows of it.</summary>
    public bool IsSaved { get; private set; }

    /// <summary>Whether it stands in its window's list of what changed.</summary>
    public bool IsChanged { get; set; }

    public void Begin(long number)
    {
        Array.Clear(_heads);
        _retold.Clear();
        (Number, Count, _saved) = (number, 0, 0);
        IsTouched = IsSaved = IsChanged = false;
    }

    /// <summary>Index of the earliest instance with the key, at most `slack` µs from `at`, that none of `tellers` has told; -1 when there is none.</summary>
    public int Find(ulong key, long at, long slack, ushort tellers)
    {
        var found = None;
        for (var i = _heads[(int)key & (_heads.Length - 1)] - 1; i >= 0; i = _instances[i].Next)
        {
            ref readonly var instance = ref _instances[i];
            if (instance.Key == key && (instance.Tellers & tellers) == 0 && Math.Abs(instance.At - at) <= slack && (found < 0 || IsEarlier(i, found)))
            {
                found = i;
            }
        }

        return found;
    }

    public long TimeOf(int index) => _instances[index].At;

    public void Add(ulong key, long at, ushort tellers)
    {
        if (Count == _instances.Length)
        {
            Grow();
        }

        ref var head = ref _heads[(int)key & (_heads.Length - 1)];
        _instances[Count] = new Instance { Key = key, At = at, Tellers = tellers, Next = head - 1 };
        head = ++Count;
    }

    public void AddTeller(int index, ushort teller)
    {
        ref var instance = ref _instances[index];
        instance.Tellers |= teller;
        if (index < _saved && !instance.IsRetold)
        {
            instance.IsRetold = true;
            _retold.Add(index);
        }
    }

    /// <summary>Forgets that the gatherer told anything.</summary>
    public void RemoveTeller(ushort teller)
    {
        for (var i = 0; i < Count; i++)
        {
            _instances[i].Tellers &= (ushort)~teller;
            _instances[i].IsRetold = false;
        }

        _retold.Clear();
        _saved = 0;
        IsSaved = false;
    }

    /// <summary>Instances from the first one on that the log does not know; all of them when it knows none.</summary>
    public void Write(StateWriter writer, bool isWhole, long beginAt)
    {
        var first = isWhole ? 0 : _saved;
        writer.Write(Number);
        writer.Write7BitEncodedInt(Count - first);
        foreach (ref readonly var instance in _instances.AsSpan(first, Count - first))
        {
            writer.Write7BitEncodedInt64(instance.At - beginAt);
            writer.Write(instance.Key);
            writer.Write(instance.Tellers);
        }

        writer.Write7BitEncodedInt(isWhole ? 0 : _retold.Count);
        foreach (var index in _retold)
        {
            ref var instance = ref _instances[index];
            instance.IsRetold = false;
            if (!isWhole)
            {
                writer.Write7BitEncodedInt(index);
                writer.Write(instance.Tellers);
            }
        }

        MarkSaved();
    }

    /// <summary>The rest of what <see cref="Write"/> wrote, behind the number.</summary>
    public void Read(StateReader reader, long beginAt)
    {
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var at = beginAt + reader.Read7BitEncodedInt64();
            Add(reader.ReadUInt64(), at, reader.ReadUInt16());
        }

        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            var index = reader.Read7BitEncodedInt();
            if (index >= Count)
            {
                throw new InvalidDataException("The saved state of the streams' merge names an instance that it does not hold.");
            }

            _instances[index].Tellers = reader.ReadUInt16();
        }

        MarkSaved();
    }

    private void MarkSaved()
    {
        _retold.Clear();
        _saved = Count;
        IsSaved = true;
    }

    private bool IsEarlier(int index, int than) =>
        _instances[index].At < _instances[than].At || (_instances[index].At == _instances[than].At && index < than);

    private void Grow()
    {
        Array.Resize(ref _instances, (int)BitOperations.RoundUpToPowerOf2((uint)Count + 1));
        _heads = new int[_instances.Length];
        for (var i = 0; i < Count; i++)
        {
            ref var head = ref _heads[(int)_instances[i].Key & (_heads.Length - 1)];
            _instances[i].Next = head - 1;
            head = i + 1;
        }
    }

    private struct Instance
    {
        public ulong Key;
        public long At;
        public int Next;

        /// <summary>Gatherers that told it, as bits by index.</summary>
        public ushort Tellers;

        /// <summary>Its tellers changed since the log was told of it.</summary>
        public bool IsRetold;
    }
}

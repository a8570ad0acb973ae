using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// One table's rows of the hour being read, column by column in arrival order, until they are written as a part sorted by
/// key (mostly the ticker) and time.
/// <b>Bound</b>: <see cref="PartRowsMax"/> rows or <see cref="PartBytesMax"/> bytes. <b>When full</b>: the rows so far become a part of
/// their own, sorted within itself; an hour is then several parts. That keeps memory flat at any message rate without
/// temporary runs and a merge; a reader that looks for one market skips by the statistics of each part's row groups.
/// </summary>
internal abstract class Table(string name, Symbols symbols)
{
    public const int PartRowsMax = 4_000_000;
    public const long PartBytesMax = 256L << 20;

    private readonly List<Column> _columns = [];
    private readonly HashSet<int> _withdrawn = [];
    private int _keyIndex = -1;

    /// <summary>Directory and SQL name.</summary>
    public string Name { get; } = name;

    public int Rows => _columns[0].Count;

    public bool IsFull => Rows >= PartRowsMax || ((Rows & CheckMask) == 0 && Bytes() >= PartBytesMax);

    public IReadOnlyList<Column> Columns => _columns;

    /// <summary>Smallest and largest value of the first stamp column; 0 and 0 without rows.</summary>
    public (long First, long Last) Range()
    {
        var stamps = _columns.OfType<IntegerColumn>().First().Values;
        if (stamps.IsEmpty)
        {
            return (0, 0);
        }

        long first = long.MaxValue, last = long.MinValue;
        foreach (var stamp in stamps)
        {
            first = Math.Min(first, stamp);
            last = Math.Max(last, stamp);
        }

        return (first, last);
    }

    protected Symbols Symbols => symbols;

    /// <summary>How often the bytes are added up: a power of two, less one. Rows of a fixed size need no check but that of the count.</summary>
    protected virtual int CheckMask => 0;

    public bool IsEmpty => Rows == _withdrawn.Count;

    public void Clear()
    {
        _columns.ForEach(column => column.Clear());
        _withdrawn.Clear();
        Part++;
    }

    /// <summary>How many times the rows were cleared: tells whether a row remembered by its place is still here.</summary>
    public int Part { get; private set; }

    /// <summary>Takes a row back because a better one has come.</summary>
    public void Withdraw(int row) => _withdrawn.Add(row);

    /// <summary>Writes the rows as one Parquet file; returns how many there were.</summary>
    public long Write(Stream file, ChunkEncoder encoder)
    {
        var order = Order();
        order = _withdrawn.Count == 0 ? order : Array.FindAll(order, row => !_withdrawn.Contains(row));
        var writer = new ParquetWriter(file, [.. _columns.Select(column => column.Schema)], encoder);
        for (var at = 0; at < order.Length; at += ParquetWriter.RowGroupRowsMax)
        {
            writer.WriteRowGroup(_columns, order.AsSpan(at, Math.Min(ParquetWriter.RowGroupRowsMax, order.Length - at)));
        }

        writer.Finish(_keyIndex < 0 ? [0] : [_keyIndex, 0]);
        return writer.Rows;
    }

    /// <summary>The rows' places in arrival order, sorted by key and time. Arrival order is time order, so a stable sort by key does it.</summary>
    protected virtual int[] Order() => _keyIndex < 0 ? [.. Enumerable.Range(0, Rows)] : ByRank(((SymbolColumn)_columns[_keyIndex]).Codes);

    protected IntegerColumn Stamp(string column, bool isNullable = false) => Add(new IntegerColumn(new(column, ColumnKind.Timestamp, IsNullable: isNullable)));

    /// <summary>A stamp with few different values, which refers to another table's row.</summary>
    protected IntegerColumn Reference(string column, bool isNullable = false) =>
        Add(new IntegerColumn(new(column, ColumnKind.Timestamp, EncodingHint.Dictionary, isNullable)));

    protected IntegerColumn Price(string column, bool isNullable = false) =>
        Add(new IntegerColumn(new(column, ColumnKind.Price, EncodingHint.Dictionary, isNullable)));

    protected IntegerColumn Quantity(string column, bool isNullable = false) =>
        Add(new IntegerColumn(new(column, ColumnKind.Quantity, EncodingHint.Dictionary, isNullable)));

    protected IntegerColumn Long(string column, bool isNullable = false) => Add(new IntegerColumn(new(column, ColumnKind.Long, IsNullable: isNullable)));

    protected IntegerColumn Int(string column) => Add(new IntegerColumn(new(column, ColumnKind.Int)));

    protected FlagColumn Flag(string column) => Add(new FlagColumn(new(column, ColumnKind.Flag, IsNullable: true)));

    protected SymbolColumn Symbol(string column, bool isNullable = false) => Add(new SymbolColumn(new(column, ColumnKind.Symbol, IsNullable: isNullable), symbols));

    protected SymbolColumn Key(string column, bool isNullable = false)
    {
        _keyIndex = _columns.Count;
        return Symbol(column, isNullable);
    }

    protected TextColumn Text(string column, bool isNullable = false) => Add(new TextColumn(new(column, ColumnKind.Text, IsNullable: isNullable)));

    protected IntegerListColumn List(string column, ColumnKind kind) =>
        Add(new IntegerListColumn(new(column, kind, EncodingHint.Dictionary, IsList: true)));

    /// <summary>A stable counting sort by the symbol's place in byte order; null comes first.</summary>
    protected int[] ByRank(ReadOnlySpan<int> codes)
    {
        var ranks = symbols.Ranks();
        var starts = new int[ranks.Length + 2];
        foreach (var code in codes)
        {
            starts[Rank(code) + 1]++;
        }

        for (var i = 1; i < starts.Length; i++)
        {
            starts[i] += starts[i - 1];
        }

        var order = new int[codes.Length];
        for (var i = 0; i < codes.Length; i++)
        {
            order[starts[Rank(codes[i])]++] = i;
        }

        return order;

        int Rank(int code) => code < 0 ? 0 : ranks[code] + 1;
    }

    /// <summary>
    /// Sorts rows of one key and one stamp by a text: they are of one REST page, in whose order not every source has them.
    /// </summary>
    protected static int[] SortTies(int[] order, SymbolColumn key, IntegerColumn stamp, TextColumn text)
    {
        for (int at = 0, end; at < order.Length; at = end)
        {
            end = at + 1;
            while (end < order.Length && key.Codes[order[end]] == key.Codes[order[at]] && stamp.Values[order[end]] == stamp.Values[order[at]])
            {
                end++;
            }

            if (end - at > 1)
            {
                order.AsSpan(at, end - at).Sort((a, b) => text.Compare(a, b) is var sign and not 0 ? sign : a.CompareTo(b));
            }
        }

        return order;
    }

    private long Bytes()
    {
        long bytes = 0;
        foreach (var column in _columns)
        {
            bytes += column.Bytes;
        }

        return bytes;
    }

    private T Add<T>(T column)
        where T : Column
    {
        _columns.Add(column);
        return column;
    }
}

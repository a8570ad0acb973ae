namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// One side of a snapshot: `[["0.0100","1410.00"], …]`, `[["0.080",300], …]` of 2025, or `[[8,300], …]` in whole cents and contracts.
/// Thread-safe.
/// </summary>
internal static class LevelReader
{
    /// <summary>
    /// Fills `levels`, ascending by price in their own leg. `side` is an array of a frame that has been walked before. Returns null,
    /// or why the side is refused; items of a level behind its quantity are passed over.
    /// </summary>
    /// <param name="isCents">Prices are whole cents.</param>
    /// <param name="isOtherLeg">Prices are of the other leg: 1 − p is the level's own.</param>
    public static string? Read(ReadOnlySpan<byte> frame, JsonValue side, Field field, bool isCents, bool isOtherLeg, ref LevelBuffer levels)
    {
        var cursor = new JsonCursor(frame, side.Start);
        if (side.Kind != JsonKind.Array || !cursor.EnterArray())
        {
            return field.NotArray;
        }

        while (cursor.NextElement())
        {
            if (!cursor.EnterArray() || !cursor.NextElement() || !cursor.ReadValue(out var price)
                || !cursor.NextElement() || !cursor.ReadValue(out var quantity))
            {
                return field.NotLevel;
            }

            while (cursor.NextElement() && cursor.ReadValue(out _))
            {
            }

            var reason = Parse(frame, price, quantity, field, isCents, out var level);
            if (reason is not null)
            {
                return reason;
            }

            levels.Add(isOtherLeg ? level with { Price = FieldReader.PriceMax - level.Price } : level);
        }

        return cursor.HasFailed ? field.NotLevel : levels.TrySortByPrice() ? null : field.LevelTwice;
    }

    private static string? Parse(ReadOnlySpan<byte> frame, JsonValue price, JsonValue quantity, Field field, bool isCents, out Level level)
    {
        level = default;
        long microDollars;
        if (isCents)
        {
            if (!IsNumber(price) || !Decimals.TryParseWhole(Text(frame, price), out microDollars))
            {
                return field.LevelNotPrice;
            }

            microDollars = microDollars is >= 0 and <= 100 ? microDollars * Decimals.MicroDollarsPerCent : -1;
        }
        else if (!IsNumber(price) || !Decimals.TryParse(Text(frame, price), 6, out microDollars))
        {
            return field.LevelNotPrice;
        }

        if (microDollars is < 0 or > FieldReader.PriceMax)
        {
            return field.LevelPriceOutOfRange;
        }

        if (!IsNumber(quantity) || !Decimals.TryParseQuantity(Text(frame, quantity), out var hundredths))
        {
            return field.LevelNotQuantity;
        }

        level = new Level((int)microDollars, hundredths);
        return hundredths < 0 ? field.LevelQuantityOutOfRange : null;
    }

    /// <summary>Digits need no escapes; who writes them so is refused.</summary>
    private static bool IsNumber(JsonValue value) => value.Kind is JsonKind.Number or JsonKind.String && !value.IsEscaped;

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> frame, JsonValue value) => frame.Slice(value.Start, value.Length);
}

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// A field as rejections name it, under its current key and under the one it had until March 2026. Every sentence is built
/// once, so that rejecting allocates nothing.
/// </summary>
internal sealed class Field(string frame, string name, MessageKey key, string oldName = "", MessageKey oldKey = MessageKey.Unknown)
{
    public MessageKey Key { get; } = key;

    public MessageKey OldKey { get; } = oldKey;

    public string Missing { get; } = $"{frame}: {name} is missing";

    public string NotText { get; } = $"{frame}: {name} is not text";

    public string NotPrice { get; } = $"{frame}: {name} is not a decimal number with at most 6 decimals";

    public string NotQuantity { get; } = $"{frame}: {name} is not a decimal number with at most 2 decimals";

    public string NotWhole { get; } = $"{frame}: {name} is not a whole number";

    public string OutOfRange { get; } = $"{frame}: {name} out of range";

    public string OldNotCents { get; } = $"{frame}: {oldName} is not a whole number of cents";

    public string OldNotQuantity { get; } = $"{frame}: {oldName} is not a decimal number with at most 2 decimals";

    public string OldOutOfRange { get; } = $"{frame}: {oldName} out of range";

    public string NotOneOf { get; } = $"{frame}: {name} is none of the words known";

    public string NotArray { get; } = $"{frame}: {name} is not an array";

    public string NotLevel { get; } = $"{frame}: {name}[] is not a pair of price and quantity";

    public string LevelNotPrice { get; } = $"{frame}: {name}[].price is not a decimal number with at most 6 decimals";

    public string LevelPriceOutOfRange { get; } = $"{frame}: {name}[].price out of range";

    public string LevelNotQuantity { get; } = $"{frame}: {name}[].quantity is not a decimal number with at most 2 decimals";

    public string LevelQuantityOutOfRange { get; } = $"{frame}: {name}[].quantity out of range";

    public string LevelTwice { get; } = $"{frame}: {name}[] holds a price twice";
}

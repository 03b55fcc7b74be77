using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Orleans.DOS.Checks;

/// <summary>What a check goes through, in this order: a name that is taken away leaves an inode without one, which comes next.</summary>
internal enum CheckStage
{
    Names = 1,
    Inodes = 2,
    Extents = 3,
    Segments = 4,
    Disks = 5,
}

/// <summary>How far a check has come. Told to clients as text without a meaning for them.</summary>
/// <param name="First">Directory, inode or segment of the last row that is done.</param>
/// <param name="Second">Position within it.</param>
/// <param name="Text">Name or node.</param>
internal readonly record struct CheckCursor(CheckStage Stage, long First, long Second, string Text)
{
    public static readonly CheckCursor Start = Of(CheckStage.Names);

    public static CheckCursor Of(CheckStage stage) => new(stage, 0, 0, "");

    /// <summary>Where the next stage begins; null behind the last.</summary>
    public CheckCursor? NextStage => Stage == CheckStage.Disks ? null : Of(Stage + 1);

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"1.{(int)Stage}.{First}.{Second}.") + Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Text));

    /// <exception cref="DosException">InvalidArgument.</exception>
    public static CheckCursor Parse(string? text)
    {
        if (text is null)
        {
            return Start;
        }
        try
        {
            if (text.Split('.') is ["1", var stage, var first, var second, var rest] && Enum.TryParse<CheckStage>(stage, out var known) && Enum.IsDefined(known))
            {
                return new(known, Number(first), Number(second), Encoding.UTF8.GetString(Base64Url.DecodeFromChars(rest)));
            }
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException)
        {
            // Told below, as what is wrong in its shape.
        }
        throw new DosException(DosErrorCode.InvalidArgument, "'after' is not where a check has ended");
    }

    private static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}

using System.Text;

namespace Orleans.DOS.Files;

/// <summary>Names as the catalog orders them: by their bytes of UTF-8. (.NET's ordinal order is that of UTF-16, which differs above U+FFFF.)</summary>
public sealed class ByteOrder : IComparer<string>
{
    public static readonly ByteOrder Instance = new();

    public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x ?? "").AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y ?? ""));
}

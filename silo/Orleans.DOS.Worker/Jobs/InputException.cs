namespace Orleans.DOS.Jobs;

/// <summary>An input could not be read: tells apart a lost map output from an output that cannot be written.</summary>
internal sealed class InputException(string path, DosException inner) : Exception(inner.Message, inner)
{
    public string Path { get; } = path;

    public static T Of<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (DosException failure)
        {
            throw new InputException(path, failure);
        }
    }
}

namespace Orleans.DOS.Client;

/// <summary>
/// Lets a wait made of long polls outlast the loss of a node: an Unavailable is passed over while the last progress is younger than
/// <paramref name="max"/>.
/// </summary>
internal sealed class Patience(TimeProvider time, TimeSpan max)
{
    private long _heard = time.GetTimestamp();

    public bool Lasts => time.GetElapsedTime(_heard) < max;

    public void Heard() => _heard = time.GetTimestamp();

    public bool Bears(DosException exception) =>
        exception.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown && Lasts;
}

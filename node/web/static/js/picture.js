// A picture that cannot be read to its end is not shown: below it stands the file, to be saved.
document.addEventListener('error', (event) => {
  const picture = event.target instanceof HTMLImageElement && event.target.closest('.picture')
  if (picture) picture.hidden = true
}, true)
